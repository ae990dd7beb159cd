"""The commands, a file for each: `register` adds it to the command line, and what it needs is imported when it runs."""
