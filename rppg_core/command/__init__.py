"""The command `rppg`: its arguments, what each subcommand does, and how results and errors are written."""
