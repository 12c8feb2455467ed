"""Fits of confidence and intervals on simulated clips."""
