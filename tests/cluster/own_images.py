"""This project's images as archives for the nodes: each is built when its files have changed, and kept."""

import contextlib
from pathlib import Path

from images.base import make_base
from images.build import build
from images.catalogue import IMAGES, find_image
from images.compiled_wheel import ENVIRONMENT as COMPILED
from images.distribution import project_version
from images.engine import find_engine
from images.environment import install
from tests.cluster.installing import TAG
from tests.cluster.places import cluster_folder


def own_image(name: str, *, for_this_machine: bool) -> tuple[str, Path]:
    """An image of this project, built if need be: its reference and its archive.

    Args:
        name: Of the catalogue.
        for_this_machine: Whether the nodes are this machine, so that what was compiled here runs there.

    Raises:
        EnvironmentProblem: when it cannot be built, with what is missing and the command that gets it.
    """
    found = find_image(name)
    assert found is not None, f"there is no image {name}"
    reference = f"localhost/{name}:{TAG}"
    engine = find_engine("")
    outcome = build(
        found, engine=engine, base=make_base(engine, tell), tag=reference, version=project_version(),
        output=cluster_folder() / "images", report=tell, reuse_compiled=for_this_machine,
    )  # fmt: skip
    return reference, outcome.archive


def build_for_this_machine() -> None:
    """Build all of them before tests ask for them, which then find them ready.

    Raises:
        EnvironmentProblem: as `own_image`.
    """
    install(COMPILED, tell)
    for image in IMAGES:
        own_image(image.name, for_this_machine=True)


def tell(line: str) -> None:
    """Print a line about work that takes long, where somebody listens."""
    with contextlib.suppress(OSError):
        print(line, flush=True)
