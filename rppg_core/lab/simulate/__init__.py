"""Known truth: physiology, skin, scene and camera. Floor 2."""
