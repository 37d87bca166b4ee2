"""A store as watches fill it, without any API server."""

import json
from typing import Any

from controller.actions import Object
from controller.resources import find_resource, watched
from controller.routes import concerned
from controller.store import Change, Store
from crds import labels

SOURCES = watched("ome")


def source_of(kind: str, *, metadata_only: bool = False) -> int:
    """The number of the watch that brings a kind."""
    return next(n for n, w in enumerate(SOURCES) if w.resource.kind == kind and w.metadata_only == metadata_only)


def made(kind: str, name: str, version: int, namespace: str = "", **fields: Any) -> Object:
    """An object as the API server gives it."""
    metadata = {"name": name, "resourceVersion": str(version), **fields.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": find_resource(kind).api_version, "kind": kind, "metadata": metadata, **fields}


def run_of(run: str, version: int, pipeline: str, marks: dict[str, str] | None = None, /, **arguments: str) -> Object:
    """A workflow made from one of our templates."""
    parameters = [{"name": key, "value": value} for key, value in arguments.items()]
    return made(
        "Workflow", run, version, "ome",
        metadata={
            "labels": {labels.PIPELINE: pipeline, **(marks or {})},
            "creationTimestamp": f"2026-01-01T00:00:{version % 60:02}Z",
        },
        spec={"arguments": {"parameters": parameters}},
    )  # fmt: skip


def store_of(*items: Object) -> Store:
    """A store that holds these."""
    store = Store(SOURCES)
    for item in items:
        assert observe(store, item) is not None
    return store


def observe(store: Store, item: Object, **options: bool) -> Change | None:
    """What a watch brings."""
    return store.observe(json.loads(json.dumps(item)), source_of(item["kind"]), **options)


def keys_concerned(store: Store, change: Change | None) -> list[str]:
    """Whom a change concerns."""
    assert change is not None
    return [str(key) for key in concerned(change, store)]


def names_of(items: Any) -> list[str]:
    """Their names."""
    return [item["metadata"]["name"] for item in items]
