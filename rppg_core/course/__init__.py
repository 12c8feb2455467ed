"""What the notebooks import: widgets, questions, answers and drawings."""
