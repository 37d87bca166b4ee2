"""Keys by entry: what `controller.store` asks to find objects by something else than their name."""

from collections.abc import Iterable

from controller.actions import Key
from controller.index import Entry


class EntryIndex:
    """Which objects have an entry.

    Most entries are of one object, so that one is kept bare: a table for each would take more than its object does.
    """

    def __init__(self) -> None:
        self._keys: dict[Entry, Key | dict[Key, None]] = {}

    def keys(self, entry: Entry) -> tuple[Key, ...]:
        """The objects with an entry, in the order in which they got it."""
        found = self._keys.get(entry)
        if found is None:
            return ()
        return (found,) if isinstance(found, Key) else tuple(found)

    def replace(self, key: Key, old: Iterable[Entry], new: Iterable[Entry]) -> None:
        """An object has other entries than before."""
        for entry in old:
            self._remove(entry, key)
        for entry in new:
            self._add(entry, key)

    def _add(self, entry: Entry, key: Key) -> None:
        found = self._keys.setdefault(entry, key)
        if isinstance(found, dict):
            found[key] = None
        elif found != key:
            self._keys[entry] = {found: None, key: None}

    def _remove(self, entry: Entry, key: Key) -> None:
        found = self._keys.get(entry)
        if isinstance(found, dict):
            found.pop(key, None)
            if not found:
                del self._keys[entry]
        elif found == key:
            del self._keys[entry]
