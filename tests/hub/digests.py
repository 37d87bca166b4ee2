"""Digests of the hub's files, remembered by path, size and time of change, so that large files are hashed once."""

import hashlib
import json
import threading
from pathlib import Path

from steps.home import write_atomically

_CHUNK = 1 << 20


class DigestCache:
    """Sha256 and git blob sha1 of files; thread-safe.

    Args:
        store: Where to keep them between runs, or None.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        if store is not None and store.exists():
            self._known = json.loads(store.read_text())

    def sha256(self, path: Path) -> str:
        """The sha256 of a file's bytes, hex."""
        return self._digest(path, "sha256")

    def git_sha1(self, path: Path) -> str:
        """The name git gives a file's bytes: sha1 over "blob <size>", a zero byte and the bytes."""
        return self._digest(path, "git-sha1")

    def _digest(self, path: Path, algorithm: str) -> str:
        stat = path.stat()
        key = f"{algorithm}:{path}:{stat.st_size}:{stat.st_mtime_ns}"
        with self._lock:
            if key not in self._known:
                hasher = hashlib.sha256()
                if algorithm == "git-sha1":
                    hasher = hashlib.sha1(f"blob {stat.st_size}\0".encode(), usedforsecurity=False)
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        hasher.update(chunk)
                self._known[key] = hasher.hexdigest()
                if self._store is not None:
                    write_atomically(self._store, json.dumps(self._known).encode(), is_durable=False)
            return self._known[key]


def git_sha1_of(content: bytes) -> str:
    """The name git gives these bytes."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
