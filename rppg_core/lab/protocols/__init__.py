"""Protocols that measure how well the methods work and can fail: each is a file or folder and prints a table."""
