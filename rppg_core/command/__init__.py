"""The command `rppg`: its arguments, what each command does, and how results and errors are written."""
