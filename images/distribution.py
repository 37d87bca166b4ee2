"""Tells Python what is installed beside our code in an image, where no installer was: `importlib.metadata` reads it.

Run by the Containerfiles as `python3 distribution.py <pyproject.toml> <folder of the code>`, so it imports nothing of
ours.
"""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def project_version(project: Path = PROJECT) -> str:
    """The version that the project's file says."""
    return str(tomllib.loads(project.read_text())["project"]["version"])


def write_metadata(project: Path, folder: Path) -> Path:
    """Write the distribution's name and version beside its packages.

    Args:
        project: The project's `pyproject.toml`.
        folder: Where the packages are; it is on Python's path.

    Returns:
        The file written.
    """
    about = tomllib.loads(project.read_text())["project"]
    name, version = about["name"], about["version"]
    path = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nSummary: {about['description']}\n")
    return path


if __name__ == "__main__":
    write_metadata(Path(sys.argv[1]), Path(sys.argv[2]))
