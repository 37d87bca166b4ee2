"""Where a bundle is to appear: one export at a time writes it, beside its place, and one rename puts it there.

What a killed export left has one name, be it a file or a folder, and goes when the next export to that place begins.
Called by `bundle_export`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steps.cache.folder import remove_tree
from steps.cache.locks import open_locked
from steps.cache.store import sync_folder
from steps.errors import InvalidInputError


@contextmanager
def hold_target(target: Path) -> Iterator[Path]:
    """Keep other exports from a place, and see that nothing is there.

    Gives a path beside it at which nothing is; the file or folder that the caller makes there becomes the bundle. When
    the caller fails it goes.

    Raises:
        InvalidInputError: when something is at `target`, another export writes it, or it has no folder to be in.
    """
    if not target.parent.is_dir():
        raise InvalidInputError(f"{target.parent}: is no folder", remedy="Make it first.")
    lock, partial = (target.with_name(f".{target.name}.{kind}") for kind in ("lock", "partial"))
    descriptor = open_locked(lock)
    if descriptor is None:
        raise InvalidInputError(f"{target}: another export writes it", remedy="Wait for it, or give another name.")
    try:
        if target.exists() or target.is_symlink():
            raise InvalidInputError(f"{target}: exists already", remedy="Give another name, or remove it first.")
        _remove(partial)
        try:
            yield partial
            partial.rename(target)
        except BaseException:
            _remove(partial)
            raise
        sync_folder(target.parent)
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _remove(partial: Path) -> None:
    if partial.is_dir() and not partial.is_symlink():
        remove_tree(partial)
    else:
        partial.unlink(missing_ok=True)
