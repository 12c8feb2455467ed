"""Protocol `stress`: one disturbance at a time, from easy to hopeless."""
