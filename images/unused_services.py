"""Removes from an environment what is never loaded in it: 190 services of OCI's SDK, and the tests of its packages.

Run by Containerfiles with that environment's own Python, with the names of modules that load what is used: of 500 MB
a few remain. The SDK loads a service when it is first used.
"""

import importlib
import shutil
import sys
from pathlib import Path


def unused_services(sdk: Path, loaded: set[str]) -> list[Path]:
    """Folders of services in the SDK's package that are not among the loaded modules.

    Args:
        sdk: The package's folder. A service is a folder in it that has a client.
        loaded: Names of loaded modules.
    """
    services = (path for path in sorted(sdk.iterdir()) if path.is_dir() and any(path.glob("*_client.py")))
    return [path for path in services if f"{sdk.name}.{path.name}" not in loaded]


def tests(packages: Path) -> list[Path]:
    """Folders of tests that packages were installed with."""
    found = (path for path in sorted(packages.rglob("tests")) if path.is_dir() and (path / "__init__.py").exists())
    return [path for path in found if "tests" not in path.parent.relative_to(packages).parts]


def main(used: list[str]) -> None:
    """Remove them.

    Args:
        used: Modules that load every service that is used here.
    """
    for name in used:
        importlib.import_module(name)
    sdk = Path(str(sys.modules["oci"].__file__)).parent
    unused = unused_services(sdk, set(sys.modules))
    for folder in [*unused, *tests(sdk.parent)]:
        shutil.rmtree(folder)
    sys.stdout.write(f"removed {len(unused)} services of the SDK\n")


if __name__ == "__main__":
    main(sys.argv[1:])
