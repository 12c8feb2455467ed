"""The teaching code that the notebooks import: widgets, questions, answers and drawings."""
