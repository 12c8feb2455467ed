"""One drawing per network: its parts and what flows between them."""
