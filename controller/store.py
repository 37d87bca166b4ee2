"""The caches: every watched object, by name and by what else it is found by. Planners read it as `Observed`.

Watches fill it, and so do the answers to our own writes, so that the next plan never sees less than the last one did.
A change comes only with a newer resource version: whichever of the two arrives second is nothing new.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from controller import index
from controller.actions import Key, Object
from controller.entry_index import EntryIndex
from controller.index import Entry, entries
from controller.pace import note_pace, pods_at_work
from controller.packing import Packer, to_json
from controller.resources import Watched
from controller.trim import trim
from crds import labels

_TOMBSTONES = 4096


class Change(NamedTuple):
    """What became of one object.

    Attributes:
        key: The object.
        old: What was held before, where its kind is held decoded.
        new: None when it is gone.
        existed: Whether it was held before.
        entries: Of the object before and after.
    """

    key: Key
    old: Object | None
    new: Object | None
    existed: bool
    entries: tuple[Entry, ...]


class _Held:
    """One object in the store."""

    __slots__ = ("data", "digest", "entries", "key", "source", "version")

    def __init__(
        self, key: Key, source: int, version: int, digest: int, data: bytes | Object, found: tuple[Entry, ...]
    ) -> None:
        self.key = key
        self.source = source
        self.version = version
        self.digest = digest
        self.data = data
        self.entries = found


class Store:
    """Objects of all watches; one event loop's own.

    Args:
        sources: The watches, in the order of their numbers.
        clock: Seconds since 1970.
    """

    def __init__(self, sources: Sequence[Watched], clock: Callable[[], float] = time.time) -> None:
        self._sources = tuple(sources)
        self._clock = clock
        self._kinds: dict[str, dict[tuple[str, str], _Held]] = {}
        self._index = EntryIndex()
        self._packer = Packer()
        self._sorted: dict[str, list[_Held]] = {}
        self._gone: dict[Key, int] = {}

    # --- what planners see: controller.observed.Observed

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object, or None when there is none; never to be changed."""
        held = self._kinds.get(kind, {}).get((namespace, name))
        return self._item(held) if held else None

    def list(self, kind: str, namespace: str = "") -> Sequence[Object]:
        """All objects of a kind, of one namespace or ("") of all, by namespace and name."""
        if kind not in self._sorted:
            held = self._kinds.get(kind, {})
            self._sorted[kind] = [held[name] for name in sorted(held)]
        return [self._item(held) for held in self._sorted[kind] if not namespace or held.key.namespace == namespace]

    def runs(self, pipeline: str, kind: str, namespace: str, name: str) -> Sequence[Object]:
        """Workflows made from the template `pipeline` for that resource, oldest first, whoever submitted them."""
        keys = self.keys_by((index.RUN, pipeline, *index.resource_entry(kind, namespace, name)))
        return sorted(
            map(self._of, keys),
            key=lambda run: (run["metadata"].get("creationTimestamp", ""), run["metadata"]["name"]),
        )

    def owned(self, kind: str, service_namespace: str, service: str) -> Sequence[Object]:
        """Deployments, Pods or companions with the label `ome.io/inferenceservice=<service>` in that namespace."""
        keys = self.keys_by((index.OWNED, service_namespace, labels.label_value(service)))
        return [self._of(key) for key in sorted(keys, key=str) if key.kind == kind]

    def models_in(self, folder: str, models_root: str) -> Sequence[Object]:
        """Models whose files are in that folder of nodes or below it, unless they stay in a claim."""
        keys = [key for entry in index.folders_of(folder, models_root) for key in self.keys_by(entry)]
        return [self._of(key) for key in keys]

    def services_of(self, model: str, namespace: str = "") -> Sequence[Object]:
        """InferenceServices that name a model, of one namespace or ("") of all, by namespace and name."""
        keys = sorted(self.keys_by((index.USES_MODEL, model)), key=str)
        return [self._of(key) for key in keys if key.kind == "InferenceService" and namespace in ("", key.namespace)]

    def models_with(self, digest: str) -> Sequence[Object]:
        """Models whose status has the artifact of that digest."""
        short = digest.removeprefix("sha256:")[:12]
        found = map(self._of, self.keys_by((index.ARTIFACT, short)))
        return [model for model in found if model["status"]["artifact"]["digest"] == digest]

    def runs_with(self, digest: str) -> Sequence[Object]:
        """Workflows that have resolved a model to the artifact of that digest."""
        return [self._of(key) for key in self.keys_by((index.BRINGS, digest.removeprefix("sha256:")))]

    # --- what the engine asks

    def keys(self, kind: str) -> Sequence[Key]:
        """All objects of a kind, by key."""
        return [held.key for held in self._kinds.get(kind, {}).values()]

    def keys_by(self, entry: Entry) -> Sequence[Key]:
        """Objects with an entry in the index."""
        return self._index.keys(entry)

    def resource(self, kind: str, namespace: str, name: str) -> Key | None:
        """The resource whose names are these, or whose names are these as labels hold them."""
        held = self._kinds.get(kind, {}).get((namespace, name))
        if held is not None:
            return held.key
        return next(iter(self.keys_by((index.SHORTENED, kind, namespace, name))), None)

    def version(self, key: Key) -> int | None:
        """The resource version that is held; None when the object is not there."""
        held = self._kinds.get(key.kind, {}).get((key.namespace, key.name))
        return held.version if held else None

    def count(self) -> int:
        """How many objects are held."""
        return sum(len(held) for held in self._kinds.values())

    # --- what watches and our own writes bring

    def observe(self, item: Object, source: int | None = None, *, is_authoritative: bool = False) -> Change | None:
        """Hold an object; None when it is not newer than what is held, differs in nothing, or is not watched.

        Args:
            item: With `kind`; it is the store's from now on.
            source: The number of the watch that brought it; None for the answer to a write.
            is_authoritative: Whether it counts although its version is older: the API server's data were set back.
        """
        kind, metadata = item["kind"], item["metadata"]
        key = Key(kind, metadata.get("namespace", ""), metadata["name"])
        if source is None:
            source = next((n for n, w in enumerate(self._sources) if w.resource.kind == kind and w.has(item)), None)
            if source is None:
                return None
        version = version_of(metadata.get("resourceVersion", ""))
        held = self._kinds.setdefault(kind, {}).get((key.namespace, key.name))
        latest = held.version if held else self._gone.get(key, -1)
        if version and version <= latest and not is_authoritative:
            return None
        watched = self._sources[source]
        if watched.metadata_only:  # a write is answered with all of the object, a watch of this kind is not
            for field in item.keys() - {"apiVersion", "kind", "metadata"}:
                del item[field]
        trim(kind, item)
        if kind == "Workflow" and (pods := pods_at_work(item)):
            note_pace(pods, self._item(held) if held else None, self._clock())
        found = entries(item)
        if held is not None and held.entries == found:
            found = held.entries
        old = held.data if held is not None and isinstance(held.data, dict) else None
        if watched.metadata_only:  # the version is all that tells of other data
            text = to_json(item)
        else:  # without its version: what is written anew unchanged is no change
            number = metadata.pop("resourceVersion", "") if version else ""
            text = to_json(item)
            if number:
                metadata["resourceVersion"] = number
        digest = hash(text)
        data = item if watched.holds else self._packer.pack(kind, text)
        self._put(_Held(held.key if held else key, source, version, digest, data, found), held)
        if held is not None and held.digest == digest:
            return None
        both = found if held is None or held.entries is found else (*held.entries, *found)
        return Change(key, old, item, held is not None, both)

    def remove(self, key: Key, version: int) -> Change | None:
        """Forget an object that was deleted at `version`; None when it is not held, or was made anew since."""
        held = self._kinds.get(key.kind, {}).get((key.namespace, key.name))
        self._gone.pop(key, None)
        self._gone[key] = version
        if len(self._gone) > _TOMBSTONES:
            del self._gone[next(iter(self._gone))]
        if held is None or held.version > version > 0:
            return None
        del self._kinds[key.kind][key.namespace, key.name]
        self._sorted.pop(key.kind, None)
        self._index.replace(held.key, held.entries, ())
        old = held.data if isinstance(held.data, dict) else None
        return Change(held.key, old, None, True, held.entries)

    def remove_unseen(self, source: int, seen: set[tuple[str, str]], version: int) -> Iterator[Change]:
        """Forget what a watch held and a list at `version` does not have: deletions that were missed."""
        kind = self._sources[source].resource.kind
        lost = [
            held
            for name, held in self._kinds.get(kind, {}).items()
            if held.source == source and name not in seen and (version == 0 or held.version <= version)
        ]
        for held in lost:
            if change := self.remove(held.key, max(version, held.version)):
                yield change

    def _of(self, key: Key) -> Object:
        return self._item(self._kinds[key.kind][key.namespace, key.name])

    def _item(self, held: _Held) -> Object:
        if not isinstance(held.data, bytes):
            return held.data
        item = self._packer.unpack(held.data)
        item["metadata"].setdefault("resourceVersion", str(held.version))
        return item

    def _put(self, new: _Held, old: _Held | None) -> None:
        key = new.key
        self._kinds[key.kind][key.namespace, key.name] = new
        if old is None or old.data is not new.data:
            self._sorted.pop(key.kind, None)
        if old is None or old.entries is not new.entries:
            self._index.replace(key, old.entries if old else (), new.entries)


def version_of(text: str) -> int:
    """A resource version as a number that grows with each write; 0 when it is none."""
    return int(text) if text.isdigit() else 0
