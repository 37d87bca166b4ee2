"""What the nodes of a cluster hold, from what the controller publishes: a ConfigMap a node, and each model's status.

Nothing is asked of the nodes themselves, so that a number which only a node knows is said not to be known. Pure.
Called by `ome cache list --cluster` and `ome cache du --cluster`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from crds.labels import READY, ModelKind, config_map_key
from steps.frozen import Frozen

Object = dict[str, Any]

_DELETED: Final = "Deleted"


class NodeModel(Frozen):
    """A model on a node.

    Attributes:
        model: As `ClusterBaseModel/name` or `BaseModel/namespace/name`; the key of its entry where no resource has it.
        revision: Commit, etag or generation; "" before it is resolved.
        digest: Of its manifest; "" before it is resolved.
        path: Its folder on the node.
        state: ready, updating, failed, or older: ready, and of another revision than the resource has now or
            is about to have.
        bytes: Of its files; None where nobody but the node knows.
    """

    model: str
    revision: str = ""
    digest: str = ""
    path: str = ""
    state: str
    bytes: int | None = None


class NodeCache(Frozen):
    """What a node holds.

    Attributes:
        bytes: Of the models whose size is known; those with the same files count once.
        unknown: Models whose size is not known.
    """

    node: str
    models: tuple[NodeModel, ...] = ()
    bytes: int = 0
    unknown: int = 0


def node_caches(config_maps: Iterable[Object], models: Iterable[Object]) -> tuple[NodeCache, ...]:
    """What each node holds, by name.

    Args:
        config_maps: Those with the label `models.ome/basemodel-status`.
        models: ClusterBaseModels and BaseModels.
    """
    by_key = {config_map_key(m["kind"], _namespace(m), m["metadata"]["name"]): m for m in models}
    found = [_node(config_map, by_key) for config_map in config_maps]
    return tuple(sorted(found, key=lambda cache: cache.node))


def model_name(model: Object) -> str:
    """As tables and data name it."""
    kind: ModelKind = model["kind"]
    namespace = _namespace(model)
    return f"{kind}/{namespace}/{model['metadata']['name']}" if namespace else f"{kind}/{model['metadata']['name']}"


def _node(config_map: Object, by_key: Mapping[str, Object]) -> NodeCache:
    entries = sorted((config_map.get("data") or {}).items())
    models = tuple(one for key, text in entries if (one := _model(key, str(text), by_key.get(key))) is not None)
    sizes = {one.digest: one.bytes for one in models if one.bytes is not None}
    unknown = sum(one.bytes is None for one in models)
    return NodeCache(node=config_map["metadata"]["name"], models=models, bytes=sum(sizes.values()), unknown=unknown)


def _model(key: str, text: str, resource: Object | None) -> NodeModel | None:
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("status") in (None, _DELETED):
        return None
    config = entry.get("config")
    artifact = config.get("artifact") if isinstance(config, dict) else None
    status = (resource or {}).get("status") or {}
    wanted = status.get("artifact") or {}
    coming = str((status.get("source") or {}).get("followed") or "")
    revision = str((artifact or {}).get("sha") or "")
    digest, is_ready = str(entry.get("digest") or ""), entry["status"] == READY
    is_same = bool(digest) and digest == wanted.get("digest")
    is_newer = bool(coming) and revision == coming != wanted.get("revision")
    is_older = is_ready and bool(wanted.get("digest")) and not is_same and not is_newer
    return NodeModel(
        model=model_name(resource) if resource is not None else key,
        revision=revision,
        digest=digest,
        path=str(entry.get("path") or ""),
        state="older" if is_older else str(entry["status"]).lower(),
        bytes=wanted.get("totalBytes") if is_same else None,
    )


def _namespace(model: Object) -> str:
    return str(model["metadata"].get("namespace") or "")
