"""The neural methods: one folder per network, and what all networks share."""
