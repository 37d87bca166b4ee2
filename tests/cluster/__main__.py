"""`python -m tests.cluster COMMAND`: builds, starts, fills and ends the test cluster; `make` has the usual ones."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from images.environment import EnvironmentProblem
from steps.errors import OmeError
from tests.cluster import lifecycle
from tests.cluster.binaries import ensure
from tests.cluster.go_toolchain import install_go
from tests.cluster.machine import install
from tests.cluster.own_images import build_for_this_machine, fill_store
from tests.cluster.programs import PROGRAMS
from tests.cluster.ring import prepare

Act = Callable[[argparse.Namespace], object]


def main() -> int:
    """Run one command; a failure is told in two lines and gives exit code 1."""
    given = _parser().parse_args()
    try:
        told = given.act(given)
    except (OmeError, EnvironmentProblem) as error:
        print(f"error: {error.message}\n  {error.remedy}", file=sys.stderr)
        return 1
    if told is not None:
        print(told)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str, act: Act) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(act=act)
        return sub

    command("install", "install the Debian packages that are missing, and Go", lambda _: _install())
    command("install-go", "put a Go toolchain into the cache, if this machine has none", lambda _: install_go())
    build = command("build", "build the programs that are missing or changed", lambda given: ensure(*given.programs))
    build.add_argument(
        "programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}; default: those of a cluster"
    )
    images = command("images", "build the images that are missing or changed, and have nodes begin with them", _images)
    images.add_argument("--archives-only", action="store_true", help="leave out what nodes begin with")
    up = command("up", "start the cluster with Argo, or what of it does not run; prints its kubeconfig", _up)
    up.add_argument("--nodes", type=int, default=lifecycle.NODES, help="default: %(default)s")
    up.add_argument("--egress", action="store_true", help="let pods reach what this machine reaches")
    command("prepare", "have a cluster for the tests: that of KUBECONFIG, else this one", lambda _: prepare())
    load = command("load-image", "give every node an image", lambda given: _load(given.archives))
    load.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE", help="as `docker save` writes it")
    command("status", "show what runs", lambda _: lifecycle.status())
    command("kubeconfig", "print the path of the kubeconfig", lambda _: lifecycle.local_cluster().kubeconfig)
    kubectl = command("kubectl", "run kubectl on the cluster", lambda given: _kubectl(given.words))
    kubectl.add_argument("words", nargs=argparse.REMAINDER)
    command("down", "end the cluster and take all that it put on this machine away", lambda _: lifecycle.down())
    return parser


def _install() -> None:
    install()
    install_go()


def _images(given: argparse.Namespace) -> None:
    archives = build_for_this_machine()
    if not given.archives_only:
        fill_store(archives)


def _up(given: argparse.Namespace) -> Path:
    return lifecycle.up(given.nodes, is_open=given.egress).kubeconfig


def _load(archives: list[Path]) -> None:
    for archive in archives:
        lifecycle.local_cluster().load_image(archive)


def _kubectl(words: list[str]) -> None:
    command = lifecycle.local_cluster().kubectl.command(*words)
    os.execv(command[0], command)  # noqa: S606 - kubectl takes this process's place


if __name__ == "__main__":
    sys.exit(main())
