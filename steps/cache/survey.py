"""What lies under a models root, from names and `stat` alone: no byte of a file is read but markers and notes.

`usage`, `pruning`, `verifying` and `repair` decide from it. Files may come and go meanwhile; who acts on a survey
takes it with the store locked.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steps.cache.folder import Marker, is_intact, read_marker
from steps.cache.journal import read_journal
from steps.cache.pending import PendingNote, pending_notes
from steps.cache.references import References
from steps.cache.store import ALGORITHMS, OBJECT_NAME, ObjectStore, object_name
from steps.frozen import Frozen
from steps.sources.paths import MARKER

REPAIR = "repair"
"""Folder of `.ome` with a store of its own, where `repair` fetches what is to replace damaged objects."""
BLOCK_BYTES = 512

InodeKey = tuple[int, int]
"""Device and inode: names of one file have one."""


@dataclass(frozen=True)
class Inode:
    """A file on disk, whatever its names.

    Attributes:
        size: Its length in bytes.
        disk_bytes: What the disk keeps for it, in bytes (`st_blocks`); less than `size` where it has holes.
        links: How many names it has, those outside the models root included.
        modified_ns: When it was last written to, in nanoseconds since the epoch.
    """

    size: int
    disk_bytes: int
    links: int
    modified_ns: int = 0


@dataclass(frozen=True)
class ModelFolder:
    """A model's folder.

    Attributes:
        path: The folder.
        name: The same, relative to the models root.
        marker: What it is to hold; None when its marker cannot be read.
        files: Inode of every regular file by path within the folder, the marker included.
        odd: Other things in it that are no folders, such as symbolic links.
        last_used: Time of the last import, in seconds since the epoch.
        is_needed: Whether anything refers to it.
        is_as_verified: Whether all its files look as they did when they were verified.
    """

    path: Path
    name: str
    marker: Marker | None
    files: Mapping[str, InodeKey]
    odd: tuple[str, ...]
    last_used: float
    is_needed: bool
    is_as_verified: bool

    @property
    def objects(self) -> frozenset[str]:
        """`algorithm/digest` of all that its marker names."""
        return frozenset(object_name(f) for f in self.marker.files) if self.marker else frozenset()


@dataclass(frozen=True)
class StoredFile:
    """An object, or a download that is not finished.

    Attributes:
        path: The file.
        name: `algorithm/digest` of the object that it is or is to be.
        inode: Its inode.
        modified: Seconds since the epoch.
        there: Bytes of it that are there.
    """

    path: Path
    name: str
    inode: InodeKey
    modified: float
    there: int


@dataclass(frozen=True)
class Leftover:
    """What a killed command left and nothing will use: a file, or a folder of `staging`."""

    path: Path
    inodes: tuple[InodeKey, ...]
    modified: float


class PassedOver(Frozen):
    """A folder that no import made, such as `lost+found`, or that another user did: it cannot be looked into."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Survey:
    """Everything under a models root.

    Attributes:
        inodes: All of them.
        models: Their folders, by name.
        objects: Verified files of the store.
        downloads: Files that are not finished, and finished ones that a repair has not put in their place.
        imports: What imports that have not ended were about to write.
        leftovers: See there.
        notes: The cache's own small files: seals, journals, claims, locks.
        others: Files of the root that no import made.
        claimed: `algorithm/digest` of what running imports need.
        passed_over: Folders of the root that cannot be looked into.
    """

    inodes: Mapping[InodeKey, Inode]
    models: tuple[ModelFolder, ...] = ()
    objects: tuple[StoredFile, ...] = ()
    downloads: tuple[StoredFile, ...] = ()
    imports: tuple[PendingNote, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    notes: tuple[InodeKey, ...] = ()
    others: tuple[InodeKey, ...] = ()
    claimed: frozenset[str] = frozenset()
    passed_over: tuple[PassedOver, ...] = ()


def survey(store: ObjectStore, claimed: frozenset[str], references: References | None = None) -> Survey:
    """Look at everything under the store's root.

    Args:
        store: Its store.
        claimed: What running imports need, as `algorithm/digest`.
        references: What refers to models; without it every model counts as needed.

    Raises:
        OSError: when the root itself, or the content store, cannot be read.
    """
    draft = _Draft(store, references)
    draft.look()
    return Survey(
        inodes=draft.inodes,
        models=tuple(sorted(draft.models, key=lambda model: model.name)),
        objects=tuple(draft.objects),
        downloads=tuple(draft.downloads),
        imports=tuple(pending_notes(store)),
        leftovers=tuple(draft.leftovers),
        notes=tuple(draft.notes),
        others=tuple(draft.others),
        claimed=claimed,
        passed_over=tuple(draft.passed_over),
    )


@dataclass
class _Draft:
    store: ObjectStore
    references: References | None
    inodes: dict[InodeKey, Inode] = field(default_factory=dict)
    models: list[ModelFolder] = field(default_factory=list)
    objects: list[StoredFile] = field(default_factory=list)
    downloads: list[StoredFile] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    notes: list[InodeKey] = field(default_factory=list)
    others: list[InodeKey] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)

    def look(self) -> None:
        self._look_at(self.store.root)
        for top in _entries(self.store.private):
            if top.name == "staging" and top.is_dir(follow_symlinks=False):
                for entry in _entries(Path(top.path)):
                    found = [self._inode(status) for _, status in _below(entry)]
                    self.leftovers.append(Leftover(Path(entry.path), tuple(found), _time(entry)))
            else:
                for path, status in _below(top):
                    self._sort_private(path, status)

    def _look_at(self, folder: Path) -> None:
        """A folder of the root: a model's, or one that may hold models' folders."""
        entries = _entries(folder)
        if any(entry.name == MARKER for entry in entries) and folder != self.store.root:
            self._add_model(folder)
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner = Path(entry.path)
                if inner == self.store.private:
                    continue
                try:
                    self._look_at(inner)
                except OSError as error:
                    self.passed_over.append(PassedOver(path=inner, reason=error.strerror or str(error)))
            else:
                self.others.extend(self._inode(status) for _, status in _below(entry))

    def _add_model(self, folder: Path) -> None:
        marker = read_marker(folder)
        files: dict[str, InodeKey] = {}
        odd: list[str] = []
        last_used = 0.0
        for path, status in (found for entry in _entries(folder) for found in _below(entry)):
            name = path.relative_to(folder).as_posix()
            if stat.S_ISREG(status.st_mode):
                files[name] = self._inode(status)
            else:
                odd.append(name)
            last_used = status.st_mtime if name == MARKER else last_used
        is_needed = self.references is None or marker is None or self.references.need(folder, marker)
        is_as_verified = marker is not None and is_intact(folder, marker)
        name = folder.relative_to(self.store.root).as_posix()
        self.models.append(ModelFolder(folder, name, marker, files, tuple(odd), last_used, is_needed, is_as_verified))

    def _sort_private(self, path: Path, status: os.stat_result) -> None:
        """A file of `.ome`, `staging` left out."""
        inode = self._inode(status)
        is_stored = path.parent.name in ALGORITHMS and path.parent.parent.name == "objects"
        stem, kind = path.name.partition(".")[0], path.suffix
        is_for_repair = path.is_relative_to(self.store.private / REPAIR)
        if is_stored and not is_for_repair and OBJECT_NAME.fullmatch(path.name):
            self.objects.append(_stored(path, path.name, inode, status, status.st_size))
        elif is_stored and OBJECT_NAME.fullmatch(stem) and (kind == ".partial" or not kind):
            self.downloads.append(_stored(path, stem, inode, status, _bytes_there(path, status)))
        elif path.name.startswith(".") or (is_stored and not _belongs(path)):
            self.leftovers.append(Leftover(path, (inode,), status.st_mtime))
        else:
            self.notes.append(inode)

    def _inode(self, status: os.stat_result) -> InodeKey:
        key = (status.st_dev, status.st_ino)
        self.inodes[key] = Inode(status.st_size, status.st_blocks * BLOCK_BYTES, status.st_nlink, status.st_mtime_ns)
        return key


def _stored(path: Path, digest: str, inode: InodeKey, status: os.stat_result, there: int) -> StoredFile:
    return StoredFile(path, f"{path.parent.name}/{digest}", inode, status.st_mtime, there)


def _bytes_there(partial: Path, status: os.stat_result) -> int:
    """Bytes of a download by its journal; without one it is a copy, which grows."""
    known = read_journal(partial.with_suffix(".progress"), status.st_size)
    return sum(known.done) if known is not None else min(status.st_size, status.st_blocks * BLOCK_BYTES)


def _belongs(path: Path) -> bool:
    """Whether a seal still has its object, or a journal its download."""
    if path.suffix == ".seal":
        return path.with_suffix("").exists()
    return path.suffix == ".progress" and path.with_suffix(".partial").exists()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; nothing when it has just gone."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _below(entry: os.DirEntry[str]) -> Iterator[tuple[Path, os.stat_result]]:
    """The entry, or all that is below it, folders left out; links are not followed."""
    if entry.is_dir(follow_symlinks=False):
        for inner in _entries(Path(entry.path)):
            yield from _below(inner)
        return
    try:
        yield Path(entry.path), Path(entry.path).lstat()
    except FileNotFoundError:
        return


def _time(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0
