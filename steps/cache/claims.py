"""What running imports need: a claim is a file that its process keeps locked, so a dead process claims nothing.

Collection keeps what is claimed, and admission counts the bytes that others have still to write.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from steps.cache.store import ObjectStore
from steps.manifest import FileEntry


class Claimed(NamedTuple):
    """An object that a running import needs."""

    algorithm: str
    digest: str
    size: int


@contextmanager
def claim(store: ObjectStore, files: Sequence[FileEntry]) -> Iterator[None]:
    """Claim the objects of `files`; call with the store locked, which it need not stay."""
    folder = store.private / "claims"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.json"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps([[f.algorithm, f.digest, f.size] for f in files]).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def live_claims(store: ObjectStore) -> frozenset[Claimed]:
    """What running imports need; removes the claims of dead ones. Call with the store locked."""
    claimed: set[Claimed] = set()
    for path in (store.private / "claims").glob("*.json"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)  # its owner may remove the name meanwhile
            claimed.update(Claimed(*row) for row in json.loads(content))
        finally:
            os.close(descriptor)
    return frozenset(claimed)
