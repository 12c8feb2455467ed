"""Protocols that measure how well the methods work; each is a file or folder, prints tables, and can fail."""
