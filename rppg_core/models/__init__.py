"""The neural methods: one folder per network, and what all networks share.

A network either has a recipe and a file in checkpoints/, both ours, or reads weights that the user brings.
"""
