"""Protocol `injected`: a known pulse on anybody's face."""
