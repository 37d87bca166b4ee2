"""What imports that have not come to their end were about to write, by model folder: it outlives a killed process.

A download that was begun stays for the next attempt, for days. When its model is evicted it should go at once; these
notes say which downloads are whose, and how far an import has come. Written by `importing`, read by `eviction` and
`survey`; write with the store locked.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steps.cache.store import ObjectStore, object_name
from steps.home import write_atomically
from steps.manifest import FileEntry


@dataclass(frozen=True)
class PendingNote:
    """What an import was about to write.

    Attributes:
        path: The note's own file.
        folder: The model's folder, relative to the models root; "" when an older version wrote the note.
        objects: Sizes in bytes by `algorithm/digest`; 0 when an older version wrote it.
        noted: When the import began, in seconds since the epoch.
    """

    path: Path
    folder: str
    objects: Mapping[str, int]
    noted: float


def note_pending(store: ObjectStore, folder: Path, files: Sequence[FileEntry]) -> None:
    """Note what is missing for a folder."""
    objects = {object_name(file): file.size for file in files}
    content = json.dumps({"folder": folder.relative_to(store.root).as_posix(), "objects": objects}, sort_keys=True)
    write_atomically(_path(store, folder), content.encode(), is_durable=False)


def forget_pending(store: ObjectStore, folder: Path) -> frozenset[str]:
    """Remove the folder's note; what it named (`algorithm/digest`) and no other note names."""
    own = _path(store, folder)
    named: set[str] = set()
    others: set[str] = set()
    for note in pending_notes(store):
        (named if note.path == own else others).update(note.objects)
    own.unlink(missing_ok=True)
    return frozenset(named - others)


def pending_notes(store: ObjectStore) -> list[PendingNote]:
    """All notes that can be read."""
    notes = []
    for path in sorted((store.private / "pending").glob("*.json")):
        try:
            content, noted = json.loads(path.read_text()), path.stat().st_mtime
            if isinstance(content, list):  # as an older version wrote it
                content = {"folder": "", "objects": dict.fromkeys(map(str, content), 0)}
            objects = {str(name): int(size) for name, size in content["objects"].items()}
            notes.append(PendingNote(path, str(content["folder"]), objects, noted))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return notes


def _path(store: ObjectStore, folder: Path) -> Path:
    key = hashlib.sha256(str(folder.relative_to(store.root)).encode()).hexdigest()[:24]
    return store.private / "pending" / f"{key}.json"
