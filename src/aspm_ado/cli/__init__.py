"""The command line: commands, options and variables, and what is printed of results and errors."""
