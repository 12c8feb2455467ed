"""One drawing per network: its parts and the data flow between them."""
