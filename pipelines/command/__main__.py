"""`python -m pipelines.command`: the same as `ome`, for where it is not on PATH."""

from pipelines.command.main import main

main()
