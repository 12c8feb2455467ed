"""Simulated video with known truth: physiology, skin, scene and camera."""
