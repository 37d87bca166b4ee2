"""`python -m images`: builds the container images of this project, and a base for them where there is no registry."""

import argparse
import sys
from pathlib import Path

from images.base import TAG, make_base
from images.build import build, stage
from images.catalogue import IMAGES, Image, find_image
from images.distribution import project_version
from images.engine import ENGINES, find_engine
from images.environment import EnvironmentProblem, cache_folder


def main(arguments: list[str]) -> int:
    """Run the command; 0 when done, 15 with a message and its remedy when not."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "base":
            print(make_base(find_engine(given.engine), _report))  # noqa: T201 - what the command is for
        elif given.command == "context":
            for image in _chosen([given.name]):
                stage(image, given.output)
        else:
            _build(given)
    except EnvironmentProblem as problem:
        sys.stderr.write(f"error (environment): {problem.message}\n  {problem.remedy}\n")
        return 15
    return 0


def _build(given: argparse.Namespace) -> None:
    images = _chosen(given.names)
    engine = find_engine(given.engine)
    base = given.base or make_base(engine, _report)
    version = project_version()
    tag = given.tag or version
    for image in images:
        outcome = build(
            image,
            engine=engine,
            base=base,
            tag=f"{given.registry}/{image.name}:{tag}",
            version=version,
            output=given.output,
            report=_report,
            reuse_compiled=given.reuse_compiled,
        )
        size = outcome.archive.stat().st_size / 1e6
        state = f"built in {outcome.seconds:.0f} s" if outcome.built else "unchanged"
        print(f"{image.name:16}{size:7.0f} MB  {state:16}  {outcome.archive}", flush=True)  # noqa: T201


def _chosen(names: list[str]) -> list[Image]:
    for name in names:
        if find_image(name) is None:
            known = ", ".join(image.name for image in IMAGES)
            raise EnvironmentProblem(f'image "{name}" is unknown', f"Known images: {known}.")
    return [image for image in IMAGES if not names or image.name in names]


def _report(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    engine = argparse.ArgumentParser(add_help=False)
    engine.add_argument(
        "--engine", choices=ENGINES, default="", help="what builds; by default the first that is there"
    )
    building = commands.add_parser("build", parents=[engine], help="build images and write their archives")
    known = ", ".join(image.name for image in IMAGES)
    building.add_argument("names", nargs="*", metavar="name", help=f"which; by default all: {known}")
    building.add_argument("--base", default="", help=f"base image; by default {TAG}, made by debootstrap")
    building.add_argument("--registry", default="localhost", help="what goes before the image's name")
    building.add_argument("--tag", default="", help="tag; by default the version")
    building.add_argument(
        "--output", type=Path, default=cache_folder() / "cluster" / "images", help="folder of the archives"
    )
    building.add_argument(
        "--reuse-compiled",
        action="store_true",
        help="take llama.cpp as this machine has compiled it: only for nodes that are this machine",
    )
    commands.add_parser("base", parents=[engine], help="make a base image by debootstrap, and print its name")
    staging = commands.add_parser("context", help="copy the files of an image into a folder, to build it by hand")
    staging.add_argument("name")
    staging.add_argument("--output", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
