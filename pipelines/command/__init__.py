"""The command line: `ome`. Each module is a command or what several share; heavy imports stay inside functions."""
