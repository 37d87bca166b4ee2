"""Azurite, Azure's emulator of blob storage: put into the cache by npm from a lock file, and run for a session.

`python -m tests.sources.az_server` puts it there ahead of tests, whose time it would use up.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from images.environment import cache_folder
from tests.not_run import not_run
from tests.sources.background import child, free_port

LOCK = Path(__file__).parent / "azurite"


@contextmanager
def serve_azurite(folder: Path, account: str, key: str) -> Iterator[str]:
    """Run it with one account, whose key is in base64; gives its URL, without the account."""
    program, port = _installed(), free_port()
    node = shutil.which("node")
    assert node is not None
    command: list[str | Path] = [
        node, program, "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence",
        "--blobHost", "127.0.0.1", "--blobPort", str(port),
    ]  # fmt: skip
    with child(command, port, folder / "log", AZURITE_ACCOUNTS=f"{account}:{key}", HOME=str(folder)):
        yield f"http://127.0.0.1:{port}"


def _installed() -> Path:
    """Azurite's program for blobs; installed once for each lock file."""
    digest = hashlib.sha256((LOCK / "package-lock.json").read_bytes()).hexdigest()[:8]
    place = cache_folder() / "azurite" / digest
    program = place / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if not (place / "complete").exists():
            npm = shutil.which("npm")
            if npm is None or shutil.which("node") is None:
                not_run("Azurite, and there is no npm to install it with", "apt-get install nodejs npm")
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(LOCK / name, place / name)
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            if done.returncode:
                not_run(f"Azurite, and `npm ci` ended with {done.returncode}: {done.stderr[-500:]}", "See npm's log.")
            (place / "complete").touch()
    return program


if __name__ == "__main__":
    _installed()
