"""An import in whose worst moment another process removes a model: `python -m tests.importing.intruded_imports`.

A program of its own, because its audit hook stays. The moment is the change of the disk that touches the given path:
there a model's folder is removed as every remover does it, with the store locked, unless the import has it locked.
Prints which of the two it was.
"""

import fcntl
import os
import sys
from pathlib import Path

from steps.cache import import_model, models_root
from steps.cache.collection import drop
from steps.cache.store import ObjectStore
from steps.manifest_store import load_manifest


def main(moment: str, at: str, victim: str, digest: str, path: str) -> None:
    """Import the manifest `digest` to `path`, and remove `victim` before the change `moment` of the file `at`."""
    store, is_over = ObjectStore(models_root()), False

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal is_over
        if is_over or event != moment or at not in map(str, arguments):
            return
        is_over = True
        sys.stdout.write("removed" if _remove(store, Path(victim)) else "locked out")

    manifest = load_manifest(digest)
    sys.addaudithook(watch)
    import_model(manifest, "model", path)


def _remove(store: ObjectStore, folder: Path) -> bool:
    """Remove a model's folder, where another process could at this moment."""
    descriptor = os.open(store.private / "store.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        drop(store, folder)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
