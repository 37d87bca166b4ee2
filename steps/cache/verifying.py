"""Hashes what models hold, once a file on disk, and says what is damaged, missing or foreign. For `ome cache verify`.

`plan_verification` is pure; `verify` hashes in threads, with memory that does not grow with the models. It takes no
lock: a model that an import replaces meanwhile is named, and nothing is said of its files.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from steps.cache.claims import live_claims
from steps.cache.folder import Marker, read_marker
from steps.cache.root import models_root
from steps.cache.store import ObjectStore, object_name
from steps.cache.survey import InodeKey, ModelFolder, PassedOver, Survey, survey
from steps.errors import InvalidInputError, NotFoundError
from steps.frozen import Frozen
from steps.manifest import DigestAlgorithm, FileEntry
from steps.sources.paths import MARKER, check_path

THREADS = 8
OnProgress = Callable[[str, int, int], None]
"""Told what is done, and how many bytes of how many are."""


class Fault(Frozen):
    """A file that is not as it should be.

    Attributes:
        kind: "damaged": other bytes; "missing"; "foreign": no import made it; "marker": it cannot be read.
        model: The folder of the model, relative to the models root; "" for an object that no model has.
        path: The file.
        expected: `algorithm:digest`; "" for a foreign file.
        found: The same of what is there, or why that is not known; "" for nothing.
    """

    kind: Literal["damaged", "missing", "foreign", "marker"]
    model: str
    path: Path
    expected: str = ""
    found: str = ""


@dataclass(frozen=True)
class Check:
    """A file on disk to be hashed.

    Attributes:
        name: `algorithm/digest` that it should have.
        size: Its length before it is hashed, in bytes.
        inode: Which file.
        modified_ns: When it had last been written to before.
        object_path: Its name in the store; None when it is not the object.
        places: Its names in models: the model, and the path in its folder.
    """

    name: str
    size: int
    inode: InodeKey
    modified_ns: int
    object_path: Path | None
    places: tuple[tuple[ModelFolder, str], ...]

    @property
    def path(self) -> Path:
        """One of its names."""
        if self.object_path is not None:
            return self.object_path
        model, file = self.places[0]
        return model.path / file


@dataclass(frozen=True)
class Plan:
    """What to hash, and what is wrong without hashing."""

    models: tuple[ModelFolder, ...]
    checks: tuple[Check, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        models: Folders that were verified.
        files: Files on disk that were hashed.
        hashed_bytes: Their size.
        faults: What is wrong, by model and path.
        replaced: Folders that an import replaced, or that went, meanwhile: nothing is said of them.
        sound: What had the right bytes.
        damaged: What had not.
        passed_over: Folders that cannot be looked into.
    """

    models: tuple[ModelFolder, ...]
    files: int
    hashed_bytes: int
    faults: tuple[Fault, ...]
    replaced: tuple[str, ...]
    sound: tuple[Check, ...]
    damaged: tuple[Check, ...]
    passed_over: tuple[PassedOver, ...] = ()


def verify(names: Sequence[str] = (), on_progress: OnProgress = lambda *_: None) -> Verification:
    """Hash every file of the named models, or of all and of the objects that no model has.

    Args:
        names: Models by name, `namespace/name`, or folder relative to the models root.
        on_progress: Called from several threads, one at a time.

    Raises:
        NotFoundError: names those that are not there, and those that are.
        InvalidInputError: names a file that this user may not read.
    """
    store = ObjectStore(models_root())
    with store.locked():
        claimed = frozenset(object_name(c) for c in live_claims(store))
    found = survey(store, claimed)
    plan = plan_verification(found, choose_models(found.models, names), with_loose_objects=not names)
    digests = _hash_all(store, plan.checks, on_progress)
    replaced = {m.name for m in found.models if read_marker(m.path) != m.marker or not (m.path / MARKER).exists()}
    sound, damaged, faults = [], [], list(plan.faults)
    for check, digest in zip(plan.checks, digests, strict=True):
        if digest == check.name.partition("/")[2]:
            sound.append(check)
        elif digest and _is_still_there(check):
            damaged.append(check)
            faults += _damage(check, digest)
    kept = [fault for fault in faults if fault.model not in replaced]
    return Verification(
        models=tuple(model for model in plan.models if model.name not in replaced),
        files=len(plan.checks),
        hashed_bytes=sum(check.size for check in plan.checks),
        faults=tuple(sorted(kept, key=lambda fault: (fault.model, str(fault.path)))),
        replaced=tuple(sorted(replaced)),
        sound=tuple(sound),
        damaged=tuple(damaged),
        passed_over=found.passed_over,
    )


def choose_models(models: Iterable[ModelFolder], names: Sequence[str]) -> tuple[ModelFolder, ...]:
    """Models by name; all when none is named. Pure.

    Raises:
        NotFoundError: names those that are not there, and those that are.
    """
    known = [(model, _names_of(model)) for model in models]
    missing = [name for name in names if not any(name in called for _, called in known)]
    if missing:
        there = ", ".join(model.name for model, _ in known) or "none"
        raise NotFoundError(f'model "{missing[0]}" is not under the models root', remedy=f"There are: {there}.")
    return tuple(model for model, called in known if not names or called.intersection(names))


def plan_verification(found: Survey, models: Sequence[ModelFolder], *, with_loose_objects: bool) -> Plan:
    """What to hash for these models: each file on disk once, with all names that it has in any model. Pure."""
    places: dict[tuple[InodeKey, str], list[tuple[ModelFolder, str]]] = {}
    for model in found.models:
        for file in model.marker.files if model.marker is not None else ():
            if file.path in model.files:
                places.setdefault((model.files[file.path], object_name(file)), []).append((model, file.path))
    chosen = {model.name for model in models}
    used = {name for model in found.models for name in model.objects}
    needed = {name for model in models for name in model.objects}
    wanted = {key: None for key, names in places.items() if any(model.name in chosen for model, _ in names)}
    objects = {(each.inode, each.name): each.path for each in found.objects}
    for key in objects:
        if key[1] in needed or (with_loose_objects and key[1] not in used):
            wanted.setdefault(key, None)
    checks = (
        Check(
            name=name,
            size=found.inodes[inode].size,
            inode=inode,
            modified_ns=found.inodes[inode].modified_ns,
            object_path=objects.get((inode, name)),
            places=tuple(places.get((inode, name), ())),
        )
        for inode, name in wanted
    )
    faults = tuple(fault for model in models for fault in _faults_by_name(model))
    return Plan(tuple(models), tuple(sorted(checks, key=lambda check: (-check.size, check.name))), faults)


def is_safe(marker: Marker) -> bool:
    """Whether all paths of a marker stay in its folder: a marker is a file that others may have written."""
    try:
        for file in marker.files:
            check_path(file.path)
    except InvalidInputError:
        return False
    return True


def _faults_by_name(model: ModelFolder) -> Iterable[Fault]:
    """What the names in a folder tell: its marker, what is missing, what is too much."""
    marker = model.marker
    if marker is None or not is_safe(marker):
        found = "it cannot be read" if marker is None else "it names files outside the folder"
        yield Fault(kind="marker", model=model.name, path=model.path / MARKER, found=found)
        return
    expected = {file.path: f"{file.algorithm}:{file.digest}" for file in marker.files}
    for path, digest in expected.items():
        if path in model.odd:
            found = "not a regular file"
            yield Fault(kind="damaged", model=model.name, path=model.path / path, expected=digest, found=found)
        elif path not in model.files:
            yield Fault(kind="missing", model=model.name, path=model.path / path, expected=digest)
    for path in (*model.files, *model.odd):
        if path not in expected and path != MARKER:
            yield Fault(kind="foreign", model=model.name, path=model.path / path)


def _damage(check: Check, found: str) -> list[Fault]:
    """A fault for every model that has the file; one without a model when none has."""
    algorithm, _, digest = check.name.partition("/")
    told = f"{algorithm}:{found}" if " " not in found else found
    expected = f"{algorithm}:{digest}"
    if not check.places:
        return [Fault(kind="damaged", model="", path=check.path, expected=expected, found=told)]
    return [
        Fault(kind="damaged", model=model.name, path=model.path / file, expected=expected, found=told)
        for model, file in check.places
    ]


def _hash_all(store: ObjectStore, checks: Sequence[Check], on_progress: OnProgress) -> list[str]:
    """The digests, or why a file cannot be read; "" for one that has gone."""
    total, done, lock, stopped = sum(check.size for check in checks), 0, threading.Lock(), threading.Event()

    def count(more: int) -> None:
        nonlocal done
        if stopped.is_set():
            raise InterruptedError
        with lock:
            done += more
            on_progress("verifying", done, total)

    def run(check: Check) -> str:
        algorithm, _, digest = check.name.partition("/")
        entry = FileEntry(
            path="", size=check.size, algorithm=cast("DigestAlgorithm", algorithm), digest=digest, location=""
        )
        try:
            return store.digest(entry, check.path, count)
        except FileNotFoundError:
            return ""
        except PermissionError:
            raise InvalidInputError(
                f"{check.path}: user {os.geteuid()} may not read it",
                remedy="Run this as the owner of the models root.",
            ) from None
        except InterruptedError:
            raise
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1), thread_name_prefix="verify") as pool:
        try:
            return list(pool.map(run, checks))
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def _is_still_there(check: Check) -> bool:
    """Whether what was hashed still has the name by which it was read; else it was replaced meanwhile."""
    try:
        status = check.path.lstat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == check.inode


def _names_of(model: ModelFolder) -> frozenset[str]:
    owner = model.marker.model if model.marker is not None else ""
    return frozenset({model.name, owner, owner.partition("/")[2]} - {""})
