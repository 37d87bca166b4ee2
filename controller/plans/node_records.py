"""What each node is known to hold of a model: its entry in the node's ConfigMap, and the node's labels.

The entry is the record; the label follows from it. One ConfigMap a node is shared by all its models, so only single
keys are written. The JSON is OME's, with what we need beside it: `files`, `digest`, `path`, `run`, `nodeUid`,
`factsBefore`.
The API server takes a ConfigMap of 1 MiB: once half of it is full, entries keep only the facts that a status tells.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from controller.actions import Action, CreateObject, Object, PatchObject
from controller.plans.model_inputs import Wanted
from controller.plans.naming import digest_of
from controller.plans.placement import Place
from crds import labels

DELETED: Final = "Deleted"
_IN_ENTRY: Final = (
    "modelType", "modelArchitecture", "modelFormat", "modelParameterSize", "maxTokens", "modelCapabilities",
    "quantization", "diffusionPipeline",
)  # fmt: skip


_SHORT: Final = ("modelType", "modelArchitecture", "modelFormat", "modelParameterSize")
"""What a short entry keeps of them: enough to know a parsed model again."""
MOST_BYTES: Final = 1024 * 1024
"""Of a ConfigMap's values: it is the API server's limit."""
FACTS_BYTES: Final = MOST_BYTES // 2
"""Up to so many there is room for entries with all facts."""
MODELS_BYTES: Final = MOST_BYTES - 64 * 1024
"""From so many on no further model comes to the node: the rest is for those that are on their way."""
FILLED: Final = (*_IN_ENTRY, "modelFramework", "modelConfiguration")
"""Fields of a model's spec that are filled with facts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a node holds of a model.

    Attributes:
        status: Ready, Updating or Failed.
        files: Digest of what was wanted when it came (`Wanted.files`).
        digest: Of the manifest, with its `sha256:`.
        revision: Of the artifact.
        path: The folder.
        run: Uid of the run that brought it.
        node_uid: Of the node then.
        config: The model's facts in the words of its spec.
        facts_before: The same of the files before these, while the spec may still say them.
    """

    status: str
    files: str = ""
    digest: str = ""
    revision: str = ""
    path: str = ""
    run: str = ""
    node_uid: str = ""
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)
    facts_before: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def token(self) -> str:
        """Digest of what an eviction of this entry is for: a later entry has another."""
        return digest_of([self.files, self.path, self.run, self.node_uid])

    @property
    def shortened(self) -> "Entry":
        """The same with few facts."""
        return replace(self, config=_short(self.config), facts_before=_short(self.facts_before))

    def to_json(self, name: str) -> str:
        """As it stands in the ConfigMap."""
        config = {key: self.config[key] for key in _IN_ENTRY if self.config.get(key)}
        if framework := self.config.get("modelFramework"):
            config["modelFramework"] = framework
        if configuration := self.config.get("modelConfiguration"):
            config["decodedModelConfiguration"] = configuration
        if self.revision:
            config["artifact"] = {"sha": self.revision, "parentPath": {}, "childrenPaths": []}
        made: Object = {"name": name, "status": self.status, "config": config}
        own = {
            "files": self.files, "digest": self.digest, "path": self.path, "run": self.run, "nodeUid": self.node_uid,
            "factsBefore": self.facts_before,
        }  # fmt: skip
        return json.dumps(made | {key: value for key, value in own.items() if value}, separators=(",", ":"))


def read_entry(text: str) -> Entry | None:
    """An entry of a node's ConfigMap; None when it is no entry, or says that the model was deleted."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("status") in (None, DELETED):
        return None
    config = _mapping(found.get("config"))
    artifact = _mapping(config.get("artifact"))
    spec = {key: value for key, value in config.items() if key not in ("artifact", "decodedModelConfiguration")}
    if "decodedModelConfiguration" in config:
        spec["modelConfiguration"] = config["decodedModelConfiguration"]
    return Entry(
        status=str(found["status"]),
        files=str(found.get("files") or ""),
        digest=str(found.get("digest") or ""),
        revision=str(artifact.get("sha") or ""),
        path=str(found.get("path") or ""),
        run=str(found.get("run") or ""),
        node_uid=str(found.get("nodeUid") or ""),
        config=spec,
        facts_before=_mapping(found.get("factsBefore")),
    )


def is_renewed(spec: Mapping[str, Any], before: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a model's spec says nothing any more of earlier facts that is not so now."""
    return not any(spec.get(name) == before[name] != facts.get(name) for name in FILLED if name in before)


def entry_text(config_map: Object | None, key: str) -> str:
    """A model's entry as it stands; "" when there is none."""
    return str(((config_map or {}).get("data") or {}).get(key) or "")


def write_entry(place: Place, wanted: Wanted, entry: Entry, config_map: Object | None, namespace: str) -> list[Action]:
    """Make a node's ConfigMap say this of a model; nothing when it does, or has no room for it."""
    text = _fitting_text(config_map, wanted, entry)
    if text in ("", entry_text(config_map, wanted.key)):
        return []
    data: Object = {"data": {wanted.key: text}}
    if config_map is not None:
        return [PatchObject("ConfigMap", namespace, place.name, data)]
    return _begin(place, namespace, data)


def fits(config_map: Object | None, wanted: Wanted, entry: Entry) -> bool:
    """Whether there is room for an entry in a node's ConfigMap."""
    return bool(_fitting_text(config_map, wanted, entry))


def is_full(config_map: Object | None, wanted: Wanted) -> bool:
    """Whether a node's ConfigMap has no room for a model that is not there yet."""
    return _bytes_of_others(config_map, wanted.key) > MODELS_BYTES


def restore_config_map(place: Place, namespace: str) -> list[Action]:
    """Make a node have a ConfigMap that is found: one that lost its label is there, with all that it says."""
    return _begin(place, namespace, {})


def remove_entry(node: str, wanted: Wanted, config_map: Object | None, namespace: str) -> list[Action]:
    """Take a model out of a node's ConfigMap; nothing when it is not in it."""
    if config_map is None or wanted.key not in (config_map.get("data") or {}):
        return []
    return [PatchObject("ConfigMap", namespace, node, {"data": {wanted.key: None}})]


def set_label(node: str, found: Mapping[str, str], wanted: Wanted, value: str | None) -> list[Action]:
    """Make a node's two labels for a model say `value`, or (None) take them away; nothing when they are so."""
    keys = (wanted.label, wanted.uid_label) if wanted.uid else (wanted.label,)
    changes = {key: value for key in keys if found.get(key) != value}
    return [PatchObject("Node", "", node, {"metadata": {"labels": changes}})] if changes else []


def _short(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: facts[key] for key in _SHORT if key in facts}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _fitting_text(config_map: Object | None, wanted: Wanted, entry: Entry) -> str:
    """An entry as there is room for it; "" when there is none. What stands there already stays as it is."""
    whole = entry.to_json(wanted.name)
    if entry_text(config_map, wanted.key) == whole:
        return whole
    others = _bytes_of_others(config_map, wanted.key)
    if others + len(whole) <= FACTS_BYTES:
        return whole
    short = entry.shortened.to_json(wanted.name)
    return short if others + len(short) <= MOST_BYTES else ""


def _bytes_of_others(config_map: Object | None, key: str) -> int:
    """What other entries take; they are ASCII, so that characters are bytes."""
    return sum(len(text) for name, text in ((config_map or {}).get("data") or {}).items() if name != key)


def _begin(place: Place, namespace: str, data: Object) -> list[Action]:
    """One that is not seen: it is not there, or lacks the label by which it is watched, so that both are written."""
    empty = _empty(place, namespace)
    marked: Object = {"metadata": {"labels": empty["metadata"]["labels"]}, **data}
    return [CreateObject(empty), PatchObject("ConfigMap", namespace, place.name, marked)]


def _empty(place: Place, namespace: str) -> Object:
    """A ConfigMap that belongs to its node, so that it goes with it."""
    node = place.name
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": place.uid}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": node,
            "namespace": namespace,
            "labels": {labels.NODE_STATUS: "true", "node": labels.label_value(node), labels.PART_OF: labels.PRODUCT},
            "annotations": {"models.ome.io/node-name": node, "models.ome.io/managed-by": labels.PRODUCT},
            "ownerReferences": [owner],
        },
    }
