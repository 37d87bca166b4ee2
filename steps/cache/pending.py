"""What imports that have not come to their end were about to write, by model folder: it outlives a killed process.

A download that was begun stays for the next attempt, for days. When its model is evicted it should go at once; these
notes say which downloads are whose. Written by `importing`, read by `eviction`; call all of it with the store locked.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from steps.cache.store import ObjectStore
from steps.home import write_atomically
from steps.manifest import FileEntry


def note_pending(store: ObjectStore, folder: Path, files: Sequence[FileEntry]) -> None:
    """Note what is missing for a folder."""
    content = json.dumps(sorted({f"{file.algorithm}/{file.digest}" for file in files}))
    write_atomically(_path(store, folder), content.encode(), is_durable=False)


def forget_pending(store: ObjectStore, folder: Path) -> frozenset[str]:
    """Remove the folder's note; what it named (`algorithm/digest`) and no other note names."""
    path = _path(store, folder)
    own = _read(path)
    path.unlink(missing_ok=True)
    others = [_read(other) for other in path.parent.glob("*.json")]
    return own.difference(*others)


def _path(store: ObjectStore, folder: Path) -> Path:
    key = hashlib.sha256(str(folder.relative_to(store.root)).encode()).hexdigest()[:24]
    return store.private / "pending" / f"{key}.json"


def _read(path: Path) -> frozenset[str]:
    try:
        return frozenset(map(str, json.loads(path.read_text())))
    except (OSError, ValueError):
        return frozenset()
