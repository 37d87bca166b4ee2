"""Whom a change concerns: from a changed object to the keys that are to be planned again.

Level-triggered: a key only says where to look. A key too many costs a plan that changes nothing; a key too few would
leave a resource behind, so where it is not certain, all that may be concerned are named.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from controller import index
from controller.actions import Key, Object
from controller.store import Change, Store
from crds import labels
from steps.serving.cluster.companions import COMPANION_KINDS

MODELS = ("ClusterBaseModel", "BaseModel")


def concerned(change: Change, store: Store) -> Iterable[Key]:
    """The keys to plan again, the changed object's own first; some may be of kinds that nobody plans."""
    route = _ROUTES.get(change.key.kind)
    return route(change, store) if route else ()


def _of_model(change: Change, store: Store) -> Iterable[Key]:
    key = change.key
    yield key
    for user in store.keys_by((index.USES_MODEL, key.name)):
        if not key.namespace or user.namespace == key.namespace:
            yield user


def _of_service(change: Change, store: Store) -> Iterable[Key]:
    yield change.key
    for model in {entry[1] for entry in change.entries if entry[0] == index.USES_MODEL}:
        enforced = (index.ENFORCES_FIT, model)
        if enforced in change.entries or store.keys_by(enforced):
            yield from _models_called(model, change.key.namespace, store)
    yield from store.keys_by((index.MEASURES, change.key.namespace, change.key.name))


def _of_itself(change: Change, store: Store) -> Iterable[Key]:
    yield change.key


def _of_run(change: Change, store: Store) -> Iterable[Key]:
    """A run, or what is kept for a resource: the resources that it is for."""
    for entry in change.entries:
        if entry[0] in {index.RUN, index.KEPT_FOR}:
            key = store.resource(*entry[-3:])
            if key is not None:
                yield key


def _of_owned(change: Change, store: Store) -> Iterable[Key]:
    for entry in change.entries:
        if entry[0] == index.OWNED and (key := store.resource("InferenceService", entry[1], entry[2])):
            yield key


def _of_choices(change: Change, store: Store) -> Iterable[Key]:
    """Runtimes and accelerator classes: services that wait for one, or use one."""
    yield change.key
    for service in store.keys("InferenceService"):
        if not change.key.namespace or service.namespace == change.key.namespace:
            yield service
    for key in store.keys_by((index.ENFORCES_FIT, "")):  # models that are not fetched, or not looked at, until now
        if key.kind in MODELS:
            yield key
        elif held := store.get(key.kind, key.namespace, key.name):
            name = ((held.get("spec") or {}).get("model") or {}).get("name")
            yield from _models_called(str(name or ""), key.namespace, store)


def _models_called(name: str, namespace: str, store: Store) -> Iterable[Key]:
    """The models that a service of a namespace may mean by a name."""
    for key in (Key("BaseModel", namespace, name), Key("ClusterBaseModel", "", name)):
        if store.version(key) is not None:
            yield key


def _of_node(change: Change, store: Store) -> Iterable[Key]:
    """A node's kubelet reports every few minutes; only what decides where models go counts.

    A label that says whether the node holds a model concerns that model alone: an import writes several.
    """
    old, new = _labels_for_models(change.old), _labels_for_models(change.new)
    for name in old.keys() | new.keys():
        if old.get(name) != new.get(name):
            yield from store.keys_by((index.NODE_LABEL, name))
    if _placement(change.old) != _placement(change.new):
        for kind in ("AcceleratorClass", *MODELS):
            yield from store.keys(kind)


def _of_config_map(change: Change, store: Store) -> Iterable[Key]:
    """What a node says it holds: the models whose entries differ. A manifest: the models with these files."""
    if manifest := ((change.new or {}).get("metadata", {}).get("labels") or {}).get(labels.MANIFEST):
        yield from store.keys_by((index.ARTIFACT, manifest))
    old, new = (_data(item) for item in (change.old, change.new))
    for name in old.keys() | new.keys():
        if old.get(name) != new.get(name):
            yield from store.keys_by((index.NODE_ENTRY, name))


def _of_secret(change: Change, store: Store) -> Iterable[Key]:
    """A Secret that a model names, or the copy of a tenant's."""
    yield from store.keys_by((index.SECRET, change.key.name))
    yield from _of_run(change, store)


def _placement(node: Object | None) -> Mapping[str, Any] | None:
    if node is None:
        return None
    status = node.get("status") or {}
    conditions = status.get("conditions") or ()
    return {
        "labels": {name: value for name, value in _labels(node).items() if not name.startswith(labels.MODEL_PREFIXES)},
        "leaves": "deletionTimestamp" in node["metadata"],
        "spec": {key: (node.get("spec") or {}).get(key) for key in ("unschedulable", "taints")},
        "ready": [c.get("status") for c in conditions if c.get("type") == "Ready"],
        "allocatable": {
            name: amount for name, amount in (status.get("allocatable") or {}).items() if "/" in name
        },  # devices; memory and disk differ a little with every report
    }


def _labels_for_models(node: Object | None) -> Mapping[str, str]:
    found = _labels(node) if node is not None else {}
    return {name: value for name, value in found.items() if name.startswith(labels.MODEL_PREFIXES)}


def _labels(node: Object) -> Mapping[str, str]:
    return node["metadata"].get("labels") or {}


def _data(config_map: Object | None) -> Mapping[str, str]:
    return (config_map or {}).get("data") or {}


_ROUTES: Mapping[str, Callable[[Change, Store], Iterable[Key]]] = {
    "ClusterBaseModel": _of_model,
    "BaseModel": _of_model,
    "InferenceService": _of_service,
    "BenchmarkJob": _of_itself,
    "FineTunedWeight": _of_itself,
    "ClusterServingRuntime": _of_choices,
    "ServingRuntime": _of_choices,
    "AcceleratorClass": _of_choices,
    "Workflow": _of_run,
    "CronWorkflow": _of_run,
    "Node": _of_node,
    "ConfigMap": _of_config_map,
    "Deployment": _of_owned,
    "Pod": _of_owned,
    **{kind.kind: _of_owned for kind in COMPANION_KINDS},
    "Secret": _of_secret,
}
