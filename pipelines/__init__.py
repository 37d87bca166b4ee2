"""Hera templates that wire the steps, the local runner, and the command line."""
