"""The command line, run as a user runs it: a process with arguments, output and an exit code."""
