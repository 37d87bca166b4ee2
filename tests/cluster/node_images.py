"""The images that every node of the test cluster starts with: pod sandbox, a busybox for tests, Argo's executor."""

import json
from pathlib import Path

from tests.cluster.commands import run
from tests.cluster.image_archive import LayerEntry, write_image
from tests.cluster.places import binaries_folder, cluster_folder
from tests.cluster.programs import ARGO_VERSION

PAUSE_IMAGE = "localhost/pause:1"
BUSYBOX_IMAGE = "localhost/busybox:1"
ARGOEXEC_IMAGE = f"localhost/argoexec:{ARGO_VERSION}"
_WAIT_FOR_EVER = ["/bin/busybox", "sleep", "1000000000"]


def archive_of(tag: str) -> Path:
    """Where the archive of an image is kept."""
    return cluster_folder() / "images" / (tag.replace("/", "_").replace(":", "_") + ".tar")


def make_node_images() -> list[Path]:
    """The archives of the pod sandbox's image and of busybox with a link for each of its programs."""
    busybox = Path("/bin/busybox")
    applets = tuple(name for name in run(busybox, "--list").split() if name != "busybox")
    return [
        _program_image(PAUSE_IMAGE, busybox, {"Entrypoint": _WAIT_FOR_EVER}),
        _program_image(BUSYBOX_IMAGE, busybox, {"Cmd": ["sh"]}, applets),
    ]


def make_argoexec_image() -> Path:
    """The archive of Argo's executor, which runs beside every step."""
    return _program_image(ARGOEXEC_IMAGE, binaries_folder() / "argoexec", {"Entrypoint": ["argoexec"]})


def make_bundled_argo_images() -> list[Path]:
    """The archives of Argo's controller and server, as `ome install --argo bundled` names them below `localhost`."""
    programs = {"workflow-controller": "workflow-controller", "argocli": "argo"}
    return [
        _program_image(f"localhost/{name}:{ARGO_VERSION}", binaries_folder() / program, {"Entrypoint": [program]})
        for name, program in programs.items()
    ]


def _program_image(tag: str, program: Path, config: dict[str, object], links: tuple[str, ...] = ()) -> Path:
    """One static program in /bin; written anew only when something in it has changed."""
    archive, about = archive_of(tag), archive_of(tag).with_suffix(".made")
    made_from = json.dumps([tag, str(program), program.stat().st_mtime_ns, config, links])
    if archive.exists() and about.exists() and about.read_text() == made_from:
        return archive
    entries = [
        LayerEntry("/bin", None, 0o755),
        LayerEntry("/tmp", None, 0o1777),
        LayerEntry(f"/bin/{program.name}", program, 0o755),
        *(LayerEntry(f"/bin/{link}", program.name) for link in links),
    ]
    write_image(archive, tag, entries, {"Env": ["PATH=/bin"], **config})
    about.write_text(made_from)
    return archive
