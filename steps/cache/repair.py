"""Mends what `verifying` found: new bytes for damaged objects, and a new link in every folder that had the old ones.

What is to replace an object is fetched into a store of its own, `.ome/repair`, and takes its place by one rename; so
does every link in a model's folder. At no moment is a file away that was there, and a kill leaves nothing that the
next run does not go on with. Called by `ome cache verify --repair`.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from steps.cache.admission import plan_admission
from steps.cache.claims import Claimed, claim, live_claims
from steps.cache.collection import missing_bytes, read_disk
from steps.cache.folder import remove_tree
from steps.cache.locks import exclusive
from steps.cache.origin import Origin, fetch_objects, find_origins
from steps.cache.relinking import Look, relink
from steps.cache.root import models_root
from steps.cache.store import ObjectStore, object_name, sync_folder
from steps.cache.survey import REPAIR, InodeKey, ModelFolder
from steps.cache.verifying import OnProgress, Verification, is_safe
from steps.errors import OmeError
from steps.manifest import FileEntry


@dataclass(frozen=True)
class Mend:
    """An object that has to be made sound.

    Attributes:
        file: Its digest and size.
        damaged: Inodes with other bytes.
        sound: A file with the right bytes, and its inode, where there is one.
        models: Models that have it.
    """

    file: FileEntry
    damaged: frozenset[InodeKey]
    sound: tuple[Path, InodeKey] | None
    models: tuple[ModelFolder, ...]

    @property
    def name(self) -> str:
        """`algorithm/digest`."""
        return object_name(self.file)


@dataclass(frozen=True)
class Relink:
    """A model's folder that has to get links, or a marker that fits.

    Attributes:
        model: The folder.
        files: Paths in it that must name the object of their digest.
        looks: How its other files looked when they were found sound.
    """

    model: ModelFolder
    files: frozenset[str]
    looks: Mapping[str, Look]


@dataclass(frozen=True)
class RepairPlan:
    """What has to be made sound, where it has to be linked, and damaged objects that no model has."""

    mends: tuple[Mend, ...]
    relinks: tuple[Relink, ...]
    useless: tuple[tuple[Path, InodeKey], ...]


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        mended: Files that are sound again, and damaged objects of no model, which are gone.
        fetched_bytes: What came from sources for it.
        failures: Why others are not.
    """

    mended: tuple[Path, ...]
    fetched_bytes: int
    failures: tuple[OmeError, ...]


def plan_repair(found: Verification) -> RepairPlan:
    """What to do about what was found. Pure.

    A model whose files are all sound, but look other than when they were verified, gets a new marker only.
    """
    touched = {model.name: (model, set[str]()) for model in found.models if not model.is_as_verified}
    for check in found.damaged:
        for model, path in check.places:
            touched.setdefault(model.name, (model, set()))[1].add(path)
    verified = {model.name: model for model in found.models}
    for fault in found.faults:
        if fault.kind in ("missing", "damaged") and fault.model in verified:
            model = verified[fault.model]
            touched.setdefault(model.name, (model, set()))[1].add(fault.path.relative_to(model.path).as_posix())
    looks: dict[str, dict[str, Look]] = {}
    for check in found.sound:
        for model, path in check.places:
            looks.setdefault(model.name, {})[path] = (check.size, check.inode[1], check.modified_ns)
    relinks = tuple(
        Relink(model, frozenset(files), {p: look for p, look in looks.get(name, {}).items() if p not in files})
        for name, (model, files) in sorted(touched.items())
        if model.marker is not None and is_safe(model.marker)
    )
    mends = _plan_mends(found, relinks)
    mended = {mend.name for mend in mends}
    loose = (c for c in found.damaged if c.object_path is not None and c.name not in mended)
    return RepairPlan(mends, relinks, tuple((c.path, c.inode) for c in loose))


def _plan_mends(found: Verification, relinks: tuple[Relink, ...]) -> tuple[Mend, ...]:
    sound = {check.name: (check.path, check.inode) for check in found.sound}
    files: dict[str, FileEntry] = {}
    models: dict[str, list[ModelFolder]] = {}
    for each in relinks:
        for marked in each.model.marker.files if each.model.marker is not None else ():
            if marked.path in each.files:
                values = marked.model_dump(include={"path", "size", "algorithm", "digest"})
                entry = FileEntry.model_validate({**values, "location": ""})
                files.setdefault(object_name(marked), entry)
                models.setdefault(object_name(marked), []).append(each.model)
    damaged: dict[str, set[InodeKey]] = {}
    for check in found.damaged:
        damaged.setdefault(check.name, set()).add(check.inode)
    return tuple(
        Mend(files[name], frozenset(damaged.get(name, ())), sound.get(name), tuple(models[name]))
        for name in sorted(files)
    )


def repair(found: Verification, on_progress: OnProgress = lambda *_: None) -> Repaired:
    """Make sound what was found damaged or missing, as far as its sources give it.

    Safe to kill at any moment and to run again, and to run beside imports and other repairs.

    Args:
        found: What `verify` found.
        on_progress: Told of bytes fetched.

    Raises:
        DiskFullError: when the new bytes do not fit; nothing is evicted for them.
    """
    store, plan = ObjectStore(models_root()), plan_repair(found)
    with exclusive(store.private / "repair.lock"):
        return _Repair(store, plan, on_progress).run()


class _Repair:
    def __init__(self, store: ObjectStore, plan: RepairPlan, on_progress: OnProgress) -> None:
        self._store = store
        self._aside = ObjectStore(store.private / REPAIR)
        self._plan = plan
        self._on_progress = on_progress
        self._failures: list[OmeError] = []

    def run(self) -> Repaired:
        mends = {mend.name: mend for mend in self._plan.mends}
        wanted = [mend for mend in mends.values() if mend.sound is None and not self._is_sound(mend)]
        markers = {mend.name: [m.marker for m in mend.models if m.marker is not None] for mend in wanted}
        origins = find_origins(markers, self._failures)
        with ExitStack() as stack:
            with self._store.locked():
                claimed = {object_name(c) for c in live_claims(self._store)}
                mended = self._remove_useless(claimed)
                for mend in mends.values():
                    self._distrust(mend)
                self._admit(list(origins.values()))
                stack.enter_context(claim(self._store, [mend.file for mend in mends.values()]))
            fetched = fetch_objects(self._aside, origins.values(), self._on_progress, self._failures)
            with self._store.locked():
                for mend in mends.values():
                    self._replace(mend, is_in_use=mend.name in claimed)
            for each in self._plan.relinks:
                mended += self._relink(each, mends)
        if not self._failures:  # else what was fetched stays for the next attempt
            remove_tree(self._aside.root)
        return Repaired(tuple(mended), fetched, tuple(self._failures))

    def _remove_useless(self, claimed: set[str]) -> list[Path]:
        gone = []
        for path, inode in self._plan.useless:
            if _inode(path) == inode and f"{path.parent.name}/{path.name}" not in claimed:
                self._store.remove(path)
                gone.append(path)
        return gone

    def _is_sound(self, mend: Mend) -> bool:
        """Whether the object is not, or no longer, one that was found damaged."""
        inode = _inode(self._store.path(mend.file))
        return inode is not None and inode not in mend.damaged

    def _distrust(self, mend: Mend) -> None:
        """Break a damaged object's seal: an import that needs it will hash it."""
        path = self._store.path(mend.file)
        if not self._is_sound(mend):
            self._store.unseal(path)

    def _admit(self, origins: list[Origin]) -> None:
        claims = [Claimed(o.file.algorithm, o.file.digest, o.file.size) for o in origins]
        needs = sum(missing_bytes(self._aside, each) for each in claims)
        plan_admission(needs, read_disk(self._store, live_claims(self._store)), (), {})

    def _replace(self, mend: Mend, *, is_in_use: bool) -> None:
        """Put sound bytes in the object's place: a copy that a model has, or what was fetched; without any it goes.

        An import that had counted on it before its seal was broken must still find it, even damaged.
        """
        path, new = self._store.path(mend.file), self._aside.path(mend.file)
        if self._is_sound(mend):
            return
        content = self._aside.content(mend.file)
        if mend.sound is not None and _inode(mend.sound[0]) == mend.sound[1]:
            new.unlink(missing_ok=True)
            new.hardlink_to(mend.sound[0])
        if new.exists():
            new.rename(path)
            sync_folder(path.parent)
            self._store.seal(path, content)
        elif not is_in_use:
            self._store.remove(path)

    def _relink(self, each: Relink, mends: Mapping[str, Mend]) -> list[Path]:
        def is_sound(name: str) -> bool:
            return self._is_sound(mends[name])

        try:
            return relink(self._store, each.model, each.files, is_sound, each.looks)
        except OmeError as error:
            self._failures.append(error)
            return []


def _inode(path: Path) -> InodeKey | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
