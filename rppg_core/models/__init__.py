"""The neural methods: one method, one file. Floor 4."""
