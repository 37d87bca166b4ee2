"""Makes a wheel of llama-cpp-python from the environment that this machine has compiled already.

Compiling it takes minutes on two cores, and the environment `ome-llama-cpp` has done it. Taking its files into an
image is sound for nodes that are this machine, as on the test cluster, and nowhere else: they were compiled for its
own processor, against its own C library. That the base is of the same Debian release is checked (`images.build`), and
each file against the digest recorded when it was installed. Images for other machines are compiled in the build.
"""

import base64
import csv
import hashlib
import io
import zipfile
from pathlib import Path

from images.environment import EnvironmentProblem, find_environment

ENVIRONMENT = "ome-llama-cpp"
PACKAGE = "llama_cpp_python"
_LEFT_OUT = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "RECORD")


def compiled_wheel(folder: Path) -> Path:
    """Write the wheel into a folder.

    Args:
        folder: It exists.

    Returns:
        The wheel.

    Raises:
        EnvironmentProblem: when there is no such environment, or a file of it has changed since it was installed.
    """
    environment = find_environment(ENVIRONMENT)
    if environment is None:
        raise EnvironmentProblem(
            f"the environment {ENVIRONMENT} is not on this machine, so there is nothing compiled to reuse",
            f"`ome environments install {ENVIRONMENT}` makes it; or build without --reuse-compiled.",
        )
    return wheel_of(next(environment.glob("lib/python3.*/site-packages")), folder)


def wheel_of(site_packages: Path, folder: Path) -> Path:
    """As `compiled_wheel`, from a folder of installed packages."""
    (about,) = site_packages.glob(f"{PACKAGE}-*.dist-info")
    tag = next(
        line.partition(":")[2].strip()
        for line in (about / "WHEEL").read_text().splitlines()
        if line.startswith("Tag:")
    )
    path = folder / f"{about.name.removesuffix('.dist-info')}-{tag}.whl"
    rows = [row for row in csv.reader((about / "RECORD").read_text().splitlines()) if _belongs(row[0])]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for name, recorded, _ in rows:
            content = (site_packages / name).read_bytes()
            if recorded != _digest(content):
                raise EnvironmentProblem(
                    f"{site_packages / name} has changed since it was installed",
                    f"Remove the environment and make it anew: `ome environments install {ENVIRONMENT}`.",
                )
            _put(wheel, name, content)
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([*rows, [f"{about.name}/RECORD", "", ""]])
        _put(wheel, f"{about.name}/RECORD", table.getvalue().encode())
    return path


def _belongs(name: str) -> bool:
    """Whether a recorded file was in the wheel: not compiled bytecode, not a program, not an installer's note."""
    return not (name.startswith("..") or name.endswith(".pyc") or name.rpartition("/")[2] in _LEFT_OUT)


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _put(wheel: zipfile.ZipFile, name: str, content: bytes) -> None:
    """With a fixed time, so that the same files give the same wheel."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    wheel.writestr(entry, content)
