"""Protocol `recordings`: real people with a reference heart rate."""
