"""Parts of networks that several methods share. Floor 3."""
