"""What leaves the cache: models that a user deletes, objects that nothing links, and, when room is needed, the oldest.

What an earlier revision of a model holds counts as linked (`earlier`), and goes for room as a model goes.

All of it happens with the store locked, so that no import loses what it has just counted on.
"""

import errno
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from steps.cache.admission import Disk, Evictable, plan_admission, reserve_bytes
from steps.cache.claims import Claimed, live_claims
from steps.cache.earlier import earlier_revisions, forget_earlier, is_served, known_manifests
from steps.cache.folder import read_marker, remove_tree
from steps.cache.pending import forget_pending, pending_notes
from steps.cache.references import References
from steps.cache.root import PRIVATE, model_folder, models_root
from steps.cache.store import ObjectStore, object_name
from steps.errors import ClusterError, NotFoundError
from steps.sources.paths import MARKER

LEFTOVER_SECONDS = 7 * 24 * 3600
GRACE_SECONDS = 3600
"""A model this young may be about to be published: no resource refers to it yet."""


@dataclass(frozen=True)
class Collected:
    """What a collection removed."""

    files: int
    freed_bytes: int


def remove_model(folder: Path) -> Collected:
    """Remove a model's folder and the objects that no other model has.

    The caller sees to it that nothing serves it. The folder is gone at once, by one rename.

    Raises:
        InvalidInputError: when it is not under the models root.
        NotFoundError: when there is no model there.
    """
    root = models_root()
    folder = model_folder(root, "", str(folder))
    store = ObjectStore(root)
    with store.locked():
        if not (folder / MARKER).exists():
            raise NotFoundError(f"{folder}: there is no model", remedy="See `ome get models` for those there are.")
        drop(store, folder)
        forget_pending(store, folder)
        return collect(store, LEFTOVER_SECONDS)


def collect_garbage(leftover_seconds: float = LEFTOVER_SECONDS) -> Collected:
    """Remove objects that no model has and no import needs, and downloads left for longer than `leftover_seconds`.

    An import that was interrupted less than `leftover_seconds` ago still needs what it had.
    """
    store = ObjectStore(models_root())
    with store.locked():
        return collect(store, leftover_seconds)


def make_room(store: ObjectStore, needs: int, own: frozenset[Claimed]) -> tuple[Path, ...]:
    """See that `needs` bytes fit on the disk, removing what nothing refers to; return the models removed.

    Call with the store locked.

    Args:
        store: The store that is to grow.
        needs: Bytes that an import will write.
        own: What that import needs: never removed.

    Raises:
        DiskFullError: with the numbers.
    """
    claimed = live_claims(store)
    disk = read_disk(store, claimed - own)
    if needs <= 0 or disk.free - disk.reserve - disk.promised >= needs:
        return ()  # what may go need not be found out, which on a cluster asks the API server
    names = {object_name(c) for c in claimed | own}
    links, candidates = _candidates(store, names)
    removed = []
    for victim in plan_admission(needs, disk, candidates, links):
        path = Path(victim.path)
        if victim.rank == 2 and path.is_relative_to(store.private):
            path.unlink(missing_ok=True)
            collect(store, LEFTOVER_SECONDS, names)
        elif victim.rank == 2:
            drop(store, path)
            removed.append(path)
            collect(store, LEFTOVER_SECONDS, names)  # what interrupted imports had went before any model
        elif victim.rank == 1:
            store.remove(path)
        else:
            remove_leftover(path)
    return tuple(removed)


def read_disk(store: ObjectStore, claimed: frozenset[Claimed]) -> Disk:
    """The numbers of the disk under the store now.

    Args:
        store: The store.
        claimed: What other imports need.
    """
    status = os.statvfs(store.root)
    return Disk(
        free=status.f_bavail * status.f_frsize,
        reserve=reserve_bytes(status.f_blocks * status.f_frsize),
        promised=sum(missing_bytes(store, each) for each in claimed),
    )


def missing_bytes(store: ObjectStore, claimed: Claimed) -> int:
    """Bytes still to be written for an object: none when it is there, the rest when a part is."""
    path = store.private / "objects" / claimed.algorithm / claimed.digest
    if path.exists():
        return 0
    return max(0, claimed.size - allocated_bytes(path.with_name(f"{path.name}.partial")))


def allocated_bytes(path: Path) -> int:
    """Bytes on disk of a file, which may be sparse; 0 when there is none."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def model_folders(root: Path) -> list[Path]:
    """All model folders under a root; those that come or go meanwhile may be missed."""
    found = []
    for place, folders, files in os.walk(root):
        if Path(place) == root and PRIVATE in folders:
            folders.remove(PRIVATE)
        if MARKER in files:
            found.append(Path(place))
    return sorted(found)


def _candidates(store: ObjectStore, kept: set[str]) -> tuple[dict[str, int], list[Evictable]]:
    references, now = References(), time.time()
    links: dict[str, int] = {}
    candidates: list[Evictable] = []
    for folder in model_folders(store.root):
        marker = read_marker(folder)
        if marker is None:
            continue
        objects = {object_name(f): f.size for f in marker.files}
        for name in objects:
            links[name] = links.get(name, 0) + 1
        if (seen := _stat(folder / MARKER)) is None:
            continue
        used = seen.st_mtime
        is_young = now - used < GRACE_SECONDS
        if not is_young and not marker.reserved and not references.need(folder, marker):
            freeable = {name: size for name, size in objects.items() if name not in kept}
            candidates.append(Evictable(str(folder), freeable, used, rank=2))
    for earlier in earlier_revisions(store):
        for name in earlier.objects:
            links[name] = links.get(name, 0) + 1
        if not is_served(references, earlier, known_manifests(store, earlier.folder)):
            freeable = {name: size for name, size in earlier.objects.items() if name not in kept}
            candidates.append(Evictable(str(earlier.path), freeable, earlier.noted, rank=2))
    for path in store.objects():
        name = f"{path.parent.name}/{path.name}"
        if name not in links and name not in kept and (stat := _stat(path)) is not None:
            size = stat.st_size if stat.st_nlink == 1 else 0
            candidates.append(Evictable(str(path), {name: size}, stat.st_mtime, rank=1))
    for path in store.partials():
        name = f"{path.parent.name}/{path.stem}"
        if name not in kept and (stat := _stat(path)) is not None:
            candidates.append(Evictable(str(path), {path.name: stat.st_blocks * 512}, stat.st_mtime, rank=0))
    return links, candidates


def collect(store: ObjectStore, leftover_seconds: float, kept: set[str] | None = None) -> Collected:
    """As `collect_garbage`, for a caller who holds the store's lock.

    Args:
        store: Its store.
        leftover_seconds: See there.
        kept: Objects (`algorithm/digest`) that stay, in place of those of interrupted imports.
    """
    kept = _interrupted(store, leftover_seconds) if kept is None else kept
    claimed = {object_name(c) for c in live_claims(store)} | kept
    linked: set[str] = set()
    for folder in model_folders(store.root):
        marker = read_marker(folder)
        linked.update(object_name(f) for f in marker.files) if marker is not None else None
    for earlier in earlier_revisions(store):
        linked.update(earlier.objects)
    files = freed = 0
    for path in list(store.objects()):
        name = f"{path.parent.name}/{path.name}"
        if name in claimed or name in linked or (stat := _stat(path)) is None:
            continue
        store.remove(path)
        files += 1
        freed += stat.st_size if stat.st_nlink == 1 else 0
    for path in list(store.partials()):
        if (stat := _stat(path)) is None:
            continue
        is_old = time.time() - stat.st_mtime >= leftover_seconds
        if is_old and f"{path.parent.name}/{path.stem}" not in claimed and remove_leftover(path):
            files += 1
            freed += stat.st_blocks * 512
    return Collected(files, freed)


def _interrupted(store: ObjectStore, leftover_seconds: float) -> set[str]:
    """What imports that have not ended, and began less than `leftover_seconds` ago, were about to write."""
    before = time.time() - leftover_seconds
    return {name for note in pending_notes(store) if note.noted > before for name in note.objects}


def _stat(path: Path) -> os.stat_result | None:
    """None for what a running import has given its name meanwhile: it holds no lock of the store."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def remove_leftover(path: Path) -> bool:
    """Remove a partial download unless a process has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # one that is finished may only be read
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.with_suffix(".progress").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def drop(store: ObjectStore, folder: Path) -> None:
    """Take a model folder away by one rename, then remove it; empty folders above it go too."""
    trash = store.private / "staging" / f"removed-{os.getpid()}-{time.monotonic_ns()}"
    trash.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.rename(trash)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EBUSY):
            raise ClusterError(f"{folder}: cannot be removed ({error.strerror})", remedy="Check its owner.") from None
        raise
    remove_tree(trash)
    forget_earlier(store, folder)
    for parent in folder.parents:
        if parent == store.root:
            break
        try:
            parent.rmdir()
        except OSError:  # another model is in it, or has come into it this moment
            break
