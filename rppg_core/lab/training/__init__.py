"""Training of networks from a recipe, on simulated or stored clips."""
