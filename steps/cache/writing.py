"""Writes an object from chunks that come in order, from a file or a bundle; downloads are written by `transfer`."""

import os
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress

from steps.cache.locks import open_locked
from steps.cache.store import ObjectStore, Verified
from steps.manifest import FileEntry


def write_object(store: ObjectStore, file: FileEntry, chunks: Iterable[bytes], check: Callable[[], str]) -> None:
    """Make the object of a file: on disk before it has its name; nothing stays when anything fails.

    Args:
        store: Where to.
        file: Names it.
        chunks: Its bytes.
        check: Called after the last of them; raises when they are not the file's. Returns their sha256 where the
            file's name is no digest, else "".

    Raises:
        OSError: when the disk does not take them.
    """
    partial = store.partial(file)
    descriptor = open_locked(partial)
    while descriptor is None:  # another import brings the same file: a second copy is simpler than waiting for it
        partial = store.partial(file).with_name(f"{file.digest}.{uuid.uuid4().hex}.partial")
        descriptor = open_locked(partial)
    try:
        os.ftruncate(descriptor, 0)
        if partial == store.partial(file):  # what a download had noted of it
            store.progress(file).unlink(missing_ok=True)
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
        store.commit(Verified(file, partial, descriptor, check()))
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise
    finally:
        os.close(descriptor)
