"""Refuses a model with unsafe files, before its folder appears. Called by `importing` and `bundle_import`.

Only names are looked at here: what reads pickles is imported when there may be some.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from crds.pickle_policy import UnsafePickles
from steps.errors import UnsafeError
from steps.manifest import FileEntry, Manifest

PICKLES: Final = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})
ARCHIVES: Final = frozenset({".npz", ".npy", ".zip", ".tar", ".nemo", ".7z"})
"""Suffixes that are looked into too, though what is in them need not be a pickle."""
_SHOWN: Final = 5


def may_hold_pickles(name: str) -> bool:
    """Whether a file is one that loaders unpickle, or an archive of such files, by its name."""
    return PurePosixPath(name).suffix.lower() in PICKLES | ARCHIVES


def refuse_unsafe(manifest: Manifest, policy: UnsafePickles, place: Callable[[FileEntry], Path]) -> None:
    """Refuse a manifest with a dangerous pickle, or with one that cannot be read.

    Args:
        manifest: Its files, which are all there.
        policy: `allow` looks at nothing.
        place: Where the bytes of a file are.

    Raises:
        UnsafeError: names file, global and remedy.
        OSError: when a file cannot be read.
    """
    suspects = [file for file in manifest.files if may_hold_pickles(file.path)]
    if policy == "allow" or not suspects:
        return
    from steps.cache.pickles import dangers_of

    dangers = [danger for file in suspects for danger in dangers_of(place(file), file.path)]
    if dangers:
        told = "; ".join(str(danger) for danger in dangers[:_SHOWN])
        more = f"; and {len(dangers) - _SHOWN} more" if len(dangers) > _SHOWN else ""
        raise UnsafeError(f"{manifest.uri}: {told}{more}")
