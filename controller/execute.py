"""Carries out what planners ask for, one action at a time, and feeds the answers back into the store.

The reconciler calls `Executor.carry_out`. Each action is idempotent, so that a plan cut short anywhere is made and
carried out again: that an object to create exists, or one to delete is gone, means done.
"""

import logging
from collections.abc import Callable, Mapping
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
    WriteStatus,
)
from controller.api import APPLY_PATCH, MERGE_PATCH, Api, ApiError
from controller.events import EventRecorder
from controller.metrics import Metrics
from controller.resources import find_resource
from controller.store import Change, Store, version_of
from crds import labels
from steps.cluster.resource_types import object_path

_log = logging.getLogger(__name__)
_WRITER = {"fieldManager": labels.FIELD_MANAGER}


class StaleError(Exception):
    """The object has changed since the plan was made: plan again, nothing is wrong."""


class NotLeadingError(Exception):
    """Another process may be the leader by now: write nothing more."""


class Executor:
    """Writes to one API server.

    Args:
        api: The API server.
        store: Takes the answers to writes.
        changed: Called with each change that an answer brings.
        events: Takes events.
        may_write: Asked before each write: whether this process still leads.
        metrics: Counts submissions.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        changed: Callable[[Change], None],
        events: EventRecorder,
        may_write: Callable[[], bool],
        metrics: Metrics,
    ) -> None:
        self._api = api
        self._store = store
        self._changed = changed
        self._events = events
        self._may_write = may_write
        self._submissions = metrics.counter(
            "ome_controller_submissions_total", "Workflows asked for.", ("template", "outcome")
        )

    async def carry_out(self, action: Action) -> bool:
        """Do what an action says; False when it was done already.

        Raises:
            StaleError: when the object has changed since.
            NotLeadingError: when this process does not lead any more; nothing was written.
            ApiError: when the API server refuses, or does not answer.
        """
        if isinstance(action, EmitEvent):
            self._events.emit(action)
            return True
        if not self._may_write():
            raise NotLeadingError
        was_there = isinstance(action, CopySecret) and self._has("Secret", action.namespace, action.name)
        try:
            answer = await self._write(action)
        except ApiError as error:
            gone = error.is_absent and isinstance(action, (PatchObject, WriteStatus))
            if error.is_conflict or gone:
                raise StaleError(error.message) from None
            raise
        if answer is not None and answer.get("kind") != "Status":
            change = self._observe(answer, is_freed=isinstance(action, PatchObject) and _is_freed(answer))
            if change is not None:
                self._changed(change)
        if answer is not None and isinstance(action, CopySecret) and not was_there:
            raise StaleError(f"Secret {action.namespace}/{action.name} is there now")  # which the plan has not seen
        return answer is not None

    def _has(self, kind: str, namespace: str, name: str) -> bool:
        return self._store.version(Key(kind, namespace, name)) is not None

    def _observe(self, answer: Object, *, is_freed: bool) -> Change | None:
        if not is_freed:
            return self._store.observe(answer)
        # It went with its last finalizer, and the answer has the version of before: as news it would be no news.
        metadata = answer["metadata"]
        key = Key(answer["kind"], metadata.get("namespace", ""), metadata["name"])
        return self._store.remove(key, version_of(metadata["resourceVersion"]))

    async def _write(self, action: Action) -> Object | None:
        match action:
            case CreateObject(body):
                return await self._create(body)
            case ApplyObject(body):
                query = {**_WRITER, "force": "true"}
                return await self._api.call("patch", _path(body), query, body, content_type=APPLY_PATCH)
            case DeleteObject(kind, namespace, name):
                return await self._delete(kind, namespace, name)
            case PatchObject():
                return await self._patch(action)
            case CopySecret():
                return await self._copy(action)
            case WriteStatus():
                return await self._write_status(action)
        raise TypeError(f"no such action: {type(action).__name__}")

    async def _create(self, body: Object) -> Object | None:
        kind, namespace = body["kind"], body["metadata"].get("namespace", "")
        outcome = "created"
        try:
            return await self._api.call("create", object_path(find_resource(kind), namespace), _WRITER, body)
        except ApiError as error:
            outcome = "exists" if error.already_exists else "failed"
            if not error.already_exists:
                raise
            return None
        finally:
            if kind == "Workflow":
                template = (body.get("spec") or {}).get("workflowTemplateRef") or {}
                self._submissions.add(1, str(template.get("name", "")), outcome)

    async def _delete(self, kind: str, namespace: str, name: str) -> Object | None:
        path = object_path(find_resource(kind), namespace, name)
        try:
            return await self._api.call("delete", path, {"propagationPolicy": "Background"})
        except ApiError as error:
            if not error.is_absent:
                raise
            return None

    async def _patch(self, action: PatchObject) -> Object:
        path = object_path(find_resource(action.kind), action.namespace, action.name)
        patch = dict(action.patch)
        if action.resource_version:
            self._require(action.kind, action.namespace, action.name, action.resource_version)
            patch["metadata"] = {**patch.get("metadata", {}), "resourceVersion": action.resource_version}
        return await self._api.call("patch", path, _WRITER, patch, content_type=MERGE_PATCH)

    async def _write_status(self, action: WriteStatus) -> Object | None:
        """A merge patch from the last seen status to the planned one, good for that version of the object only."""
        self._require(action.kind, action.namespace, action.name, action.resource_version)
        seen = self._store.get(action.kind, action.namespace, action.name) or {}
        difference = merge_patch(seen.get("status") or {}, action.status)
        if not difference:
            return None
        path = object_path(find_resource(action.kind), action.namespace, action.name) + "/status"
        patch = {"metadata": {"resourceVersion": action.resource_version}, "status": difference}
        return await self._api.call("patch", path, _WRITER, patch, content_type=MERGE_PATCH)

    async def _copy(self, action: CopySecret) -> Object | None:
        """What is copied is here for as long as this takes, and nowhere in a log, an error or the store.

        A token that may not be read any more is not used any more either: its copy goes, and the plan is outdated.
        """
        seen = self._store.get("Secret", action.namespace, action.name)
        try:
            secret = await self._api.call(
                "get", object_path(find_resource("Secret"), action.from_namespace, action.from_name)
            )
        except ApiError as error:
            if error.status not in {403, 404}:
                raise
            _log.warning("not copied: %s", error.message, extra={"error": error.code, "remedy": error.remedy})
            if seen is None:
                return None
            await self._delete("Secret", action.namespace, action.name)
            raise StaleError(f"Secret {action.from_namespace}/{action.from_name} is not to be used any more") from None
        data = secret.get("data") or {}
        copy = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": action.name, "namespace": action.namespace, "labels": dict(action.labels)},
            "data": {key: data[key] for key in action.keys if key in data},
        }
        query = {**_WRITER, "force": "true"}
        answer = await self._api.call("patch", _path(copy), query, copy, content_type=APPLY_PATCH)
        is_same = seen is not None and _version(seen) == _version(answer)
        return None if is_same else answer

    def _require(self, kind: str, namespace: str, name: str, version: str) -> None:
        """The store has moved on since the plan: ask nobody, plan again."""
        held = self._store.version(Key(kind, namespace, name))
        if held is None or held != version_of(version):
            raise StaleError(f"{kind} {name} has changed since it was planned")


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """The JSON merge patch (RFC 7386) that makes `new` of `old`; null in `new` means that the field is not there."""
    patch: Object = {}
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            if inner := merge_patch(before, after):
                patch[name] = inner
        elif isinstance(after, Mapping):
            patch[name] = merge_patch({}, after)
        elif isinstance(after, tuple):
            if before != list(after):
                patch[name] = list(after)
        elif before != after:
            patch[name] = after
    return patch


def _is_freed(item: Object) -> bool:
    """Whether an object has gone with this write: it was being deleted, and no finalizer holds it any more."""
    metadata = item["metadata"]
    is_going = "deletionTimestamp" in metadata and not metadata.get("deletionGracePeriodSeconds")
    return is_going and not metadata.get("finalizers")


def _path(body: Object) -> str:
    metadata = body["metadata"]
    return object_path(find_resource(body["kind"]), metadata.get("namespace", ""), metadata["name"])
