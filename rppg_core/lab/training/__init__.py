"""From a simulator and a recipe to a trained network."""
