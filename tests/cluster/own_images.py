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
from pipelines.command.sample_model import fetch_sample_model, hub_folder
from steps.errors import OmeError
from tests.cluster.binaries import missing
from tests.cluster.cluster_hub import hub_image
from tests.cluster.image_store import fill
from tests.cluster.installing import TAG
from tests.cluster.machine import check_programs
from tests.cluster.node_images import make_argoexec_image, make_bundled_argo_images, make_node_images
from tests.cluster.places import cluster_folder
from tests.cluster.programs import ARGO_PROGRAMS


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


def build_for_this_machine() -> list[Path]:
    """Build all of them before tests ask for them; their archives, and that of the test hub.

    Raises:
        EnvironmentProblem: as `own_image`.
    """
    install(COMPILED, tell)
    archives = {image.name: own_image(image.name, for_this_machine=True)[1] for image in IMAGES}
    return [*archives.values(), make_hub_archive(archives["ome-steps"])]


def fill_store(archives: list[Path]) -> None:
    """Have nodes that start anew begin with these images, and with those of the cluster itself."""
    try:
        check_programs()
        argo = [] if missing(*ARGO_PROGRAMS) else [make_argoexec_image(), *make_bundled_argo_images()]
        fill([*make_node_images(), *argo, *archives])
    except OmeError as error:  # they are imported when tests ask for them
        tell(f"nodes will not begin with the images: {error.message}")


def make_hub_archive(steps: Path) -> Path:
    """The archive of the test hub, with the sample model, which is fetched if need be.

    Args:
        steps: The archive of `ome-steps`, which it is laid upon.
    """
    fetch_sample_model(tell)
    return hub_image(cluster_folder() / "images" / "ome-test-hub.tar", steps, hub_folder())


def tell(line: str) -> None:
    """Print a line about work that takes long, where somebody listens."""
    with contextlib.suppress(OSError):
        print(line, flush=True)
