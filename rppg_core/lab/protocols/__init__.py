"""How well it works, asked in a way that can fail: one protocol a file, each prints a table. Floor 6."""
