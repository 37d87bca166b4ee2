"""A cluster in memory for planners: objects with versions behind the controller's real store, and plans carried out.

It keeps the API server's rules that planners rely on: creating what exists changes nothing, a write for an old version
is refused, a status write touches nothing else, finalizers hold deletions up, owners take what they own with them.
"""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.actions import (
    Action,
    ApplyObject,
    CopySecret,
    CreateObject,
    DeleteObject,
    EmitEvent,
    Key,
    Object,
    PatchObject,
    Plan,
    WriteStatus,
)
from controller.observed import Context, Settings
from controller.plans.runs import timestamp
from controller.resources import watched
from controller.store import Store

Planner = Callable[[Object, Context], Plan]
START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
LONGEST = 40
"""Plans until an unchanged world has to be at rest."""


class StaleError(Exception):
    """A write for a version that is not the newest."""


class Cluster:
    """Objects, a store that sees every one of them, a clock, and what was written."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.now = START
        self.objects: dict[tuple[str, str, str], Object] = {}
        self._watched = watched(self.settings.namespace)
        self.store = Store(self._watched, lambda: self.now.timestamp())
        self.events: list[EmitEvent] = []
        self.written: list[Action] = []
        self.copied: list[CopySecret] = []
        self.may_copy = True
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)

    @property
    def context(self) -> Context:
        """What planners get."""
        return Context(self.store, self.settings, self.now)

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)

    def restart(self) -> None:
        """Forget what the store has seen but what is there now, as a controller that is started again."""
        self.store = Store(self._watched, lambda: self.now.timestamp())
        for item in self.objects.values():
            if any(one.resource.kind == item["kind"] and one.has(item) for one in self._watched):
                self.store.observe(copy.deepcopy(item))

    # --- what people and other controllers do

    def add(self, body: Object) -> Object:
        """Create an object as the API server does, with uid, generation and time."""
        item = copy.deepcopy(body)
        metadata = item["metadata"]
        metadata.setdefault("uid", f"uid-{next(self._uids)}")
        metadata.setdefault("creationTimestamp", timestamp(self.now))
        metadata.setdefault("generation", 1)
        return self._put(item)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """An object that is there."""
        return self.objects[kind, namespace, name]

    def find(self, kind: str, namespace: str = "", name: str = "") -> Object | None:
        """An object, or None."""
        return self.objects.get((kind, namespace, name))

    def of_kind(self, kind: str) -> list[Object]:
        """All of a kind, by name."""
        return [item for key, item in sorted(self.objects.items()) if key[0] == kind]

    def change(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Object:
        """A JSON merge patch by somebody else; a changed spec is a new generation."""
        old = self.objects[kind, namespace, name]
        new = merged(old, patch)
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = int(old["metadata"].get("generation") or 0) + 1
        return self._put(new) if new != old else old

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete; finalizers hold it up."""
        item = self.objects.get((kind, namespace, name))
        if item is None:
            return
        if item["metadata"].get("finalizers"):
            self.change(kind, namespace, name, {"metadata": {"deletionTimestamp": timestamp(self.now)}})
            return
        self._drop(item)

    # --- what the executor does

    def carry_out(self, action: Action) -> None:
        """One action, as `controller.execute` has it."""
        if isinstance(action, EmitEvent):
            self.events.append(action)
            return
        self.written.append(action)
        match action:
            case CreateObject(body):
                if _key(body) not in self.objects:
                    self.add(body)
            case ApplyObject(body):
                key = _key(body)
                if key in self.objects:
                    self.change(*key, body)
                else:
                    self.add(body)
            case DeleteObject(kind, namespace, name):
                self.delete(kind, namespace, name)
            case PatchObject():
                self._patch(action)
            case WriteStatus():
                self._write_status(action)
            case CopySecret():
                self.copied.append(action)
                if not self.may_copy and ("Secret", action.namespace, action.name) in self.objects:
                    self.delete("Secret", action.namespace, action.name)
                    raise StaleError(f"{action.from_name} is not to be used any more")
                if self.may_copy and ("Secret", action.namespace, action.name) not in self.objects:
                    metadata = {"name": action.name, "namespace": action.namespace, "labels": dict(action.labels)}
                    self.add({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
                    raise StaleError(f"{action.name} is there now")

    def plan(self, planner: Planner, kind: str, namespace: str, name: str) -> Plan:
        """The plan for an object now; empty when it is gone."""
        item = self.store.get(kind, namespace, name)
        return planner(item, self.context) if item is not None else Plan()

    def step(self, planner: Planner, kind: str, namespace: str, name: str) -> Plan:
        """Plan once and carry it out."""
        plan = self.plan(planner, kind, namespace, name)
        for action in plan.actions:
            try:
                self.carry_out(action)
            except StaleError:
                if not isinstance(action, CopySecret):
                    raise
                break
        return plan

    def settle(self, planner: Planner, kind: str, namespace: str, name: str) -> Plan:
        """Plan and carry out until nothing is left to do; gives the last, empty plan."""
        for _ in range(LONGEST):
            plan = self.step(planner, kind, namespace, name)
            if not plan.actions:
                return plan
        raise AssertionError(f"{kind}/{name} does not come to rest: {plan.actions}")

    def _patch(self, action: PatchObject) -> None:
        key = (action.kind, action.namespace, action.name)
        if key not in self.objects:
            raise StaleError(f"{key} is gone")
        version = self.objects[key]["metadata"]["resourceVersion"]
        if action.resource_version and action.resource_version != version:
            raise StaleError(f"{key} is at {version}, not {action.resource_version}")
        item = self.change(*key, action.patch)
        if "deletionTimestamp" in item["metadata"] and not item["metadata"].get("finalizers"):
            self._drop(item)

    def _write_status(self, action: WriteStatus) -> None:
        key = (action.kind, action.namespace, action.name)
        if key not in self.objects or self.objects[key]["metadata"]["resourceVersion"] != action.resource_version:
            raise StaleError(f"{key} is not at {action.resource_version}")
        item = copy.deepcopy(self.objects[key])
        item["status"] = copy.deepcopy(dict(action.status))
        self._put(item)

    def _put(self, item: Object) -> Object:
        item["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[_key(item)] = item
        if any(one.resource.kind == item["kind"] and one.has(item) for one in self._watched):
            self.store.observe(copy.deepcopy(item))
        else:  # what loses the label by which it is watched goes, as a watch tells it
            self.store.remove(Key(*_key(item)), int(item["metadata"]["resourceVersion"]))
        return item

    def _drop(self, item: Object) -> None:
        key = _key(item)
        self.objects.pop(key, None)
        self.store.remove(Key(*key), next(self._versions))
        uid = item["metadata"]["uid"]
        for other in list(self.objects.values()):
            if any(owner.get("uid") == uid for owner in other["metadata"].get("ownerReferences") or ()):
                self._drop(other)


def merged(old: Any, patch: Mapping[str, Any]) -> Any:
    """RFC 7386."""
    result = copy.deepcopy(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            result[name] = merged(result.get(name), value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def snapshot(cluster: Cluster) -> Sequence[Object]:
    """All objects without what differs between two runs of the same story: versions, times."""
    found = []
    for _, item in sorted(cluster.objects.items()):
        kept = copy.deepcopy(item)
        kept["metadata"].pop("resourceVersion", None)
        kept["metadata"].pop("generation", None)
        kept["metadata"].pop("uid", None)
        found.append(kept)
    return found


def _key(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], str(metadata.get("namespace") or ""), str(metadata["name"])


__all__ = ["START", "Cluster", "Planner", "StaleError", "merged", "snapshot"]
