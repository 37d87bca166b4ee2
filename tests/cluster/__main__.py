"""`python -m tests.cluster COMMAND`: builds, starts, fills and ends the test cluster. `make` has the usual ones."""

import argparse
import sys

from steps.errors import OmeError
from tests.cluster import binaries
from tests.cluster.go_toolchain import install_go
from tests.cluster.programs import PROGRAMS


def main() -> int:
    """Run one command; a failure is told in two lines and gives exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build the programs that are missing or changed")
    build.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}; default: all")
    build.set_defaults(act=lambda given: print(binaries.ensure(*given.programs)))
    go = commands.add_parser("install-go", help="put a Go toolchain into the cache, if this machine has none")
    go.set_defaults(act=lambda _: print(install_go()))
    given = parser.parse_args()
    try:
        given.act(given)
    except OmeError as error:
        print(f"error: {error.message}\n  {error.remedy}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
