"""What a selection reads: a model's facts, runtimes, accelerator classes and nodes, of this machine or of a cluster.

Called by `steps.select_runtime`. In a pod the cluster is the pod's own; `ome runtimes explain --cluster` names one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from crds.accelerator_class import AcceleratorClass
from crds.labels import READY, node_label
from crds.load import load
from crds.problems import InvalidResourceError
from crds.serving_runtime import ClusterServingRuntime, ServingRuntime
from crds.storage_location import stays_in_claim
from steps.choice import Refusal
from steps.cluster.pod import is_on_cluster, system_namespace
from steps.errors import InvalidInputError, NotFoundError
from steps.facts import Facts
from steps.manifest_store import load_facts
from steps.published_model import artifact_digest, find_model, owner_of
from steps.resources import Resource, Resources, open_resources
from steps.selection.affinity import matches_affinity, matches_selector
from steps.selection.nodes import Node, local_node
from steps.selection.request import Accelerator, ModelReference, Runtime
from steps.serving.program import missing_program

if TYPE_CHECKING:
    from steps.cluster.api import ClusterApi


class Site(NamedTuple):
    """Where a selection is made.

    Attributes:
        resources: Its resources.
        api: Of a cluster; None for this machine.
        system_namespace: Of a cluster: where facts are kept.
    """

    resources: Resources
    api: "ClusterApi | None" = None
    system_namespace: str = ""


class Surroundings(NamedTuple):
    """What there is to choose from.

    Attributes:
        model: The model by all its names.
        runtimes: Of all namespaces, and of the cluster.
        accelerators: All classes.
        unreadable: Objects that are not valid, as refusals; they are told, not dropped.
        unavailable: Runtimes whose program is not on this machine, and why; a cluster has images.
        nodes: Where the model may run.
        warnings: What is to be known of the nodes.
    """

    model: ModelReference
    runtimes: tuple[Runtime, ...]
    accelerators: tuple[Accelerator, ...]
    unreadable: tuple[Refusal, ...]
    unavailable: Mapping[str, str]
    nodes: tuple[Node, ...]
    warnings: tuple[str, ...] = ()


def this_site() -> Site:
    """The cluster that this step's pod runs in, else this machine."""
    if not is_on_cluster():
        return Site(open_resources())
    from steps.cluster.api import open_api

    return Site(open_resources(), open_api(), system_namespace())


def find_facts(site: Site, model: str, namespace: str) -> Facts:
    """Facts of a published model: a BaseModel of the namespace, else a ClusterBaseModel.

    Raises:
        NotFoundError: there is no such model, or its facts are not stored here.
        InvalidInputError: it is disabled, or has not been imported.
    """
    found = find_model(site.resources, model, namespace)
    label = f"{found['kind']} {model}"
    if (found.get("spec") or {}).get("disabled"):
        raise InvalidInputError(f"{label}: spec.disabled is true", remedy="Set it to false to serve the model.")
    digest = artifact_digest(found)
    if not digest:
        raise InvalidInputError(f"{label}: status.artifact.digest is empty", remedy="Import the model first.")
    if site.api is None or is_on_cluster():
        return load_facts(digest)
    from steps.cluster import manifests

    text = manifests.load("facts", digest, api=site.api, namespace=site.system_namespace)
    return Facts.model_validate_json(text)


def read_surroundings(site: Site, model: str, namespace: str) -> Surroundings:
    """Read runtimes and accelerator classes, and the nodes of the cluster or this machine.

    On one machine it is also looked up which programs are missing there.

    Args:
        site: Where.
        model: Name of the model; it need not be there.
        namespace: Of the service; its own runtimes and models come first.

    Raises:
        NotFoundError: the cluster has no nodes.
    """
    runtimes: list[Runtime] = []
    accelerators: list[Accelerator] = []
    unreadable: list[Refusal] = []
    unavailable: dict[str, str] = {}
    for kind in ("ServingRuntime", "ClusterServingRuntime", "AcceleratorClass"):
        for document in site.resources.list(kind, namespace if kind == "ServingRuntime" else ""):
            try:
                resource = load(document).resource
            except InvalidResourceError as error:
                problem = "; ".join(str(problem) for problem in error.problems[:3])
                unreadable.append(Refusal(runtime=_label(kind, document), reason=f"it cannot be read: {problem}"))
                continue
            if isinstance(resource, AcceleratorClass):
                accelerators.append(Accelerator.of(resource))
            elif isinstance(resource, ServingRuntime | ClusterServingRuntime):
                runtime = Runtime.of(resource)
                runtimes.append(runtime)
                missing = _missing_program(document.get("spec") or {}) if site.api is None else None
                if missing:
                    unavailable[runtime.label] = missing
    found = _find(site, model, namespace)
    nodes, warnings = _nodes(site, found)
    return Surroundings(
        _reference(found, model, namespace),
        tuple(runtimes),
        tuple(accelerators),
        tuple(unreadable),
        unavailable,
        nodes,
        warnings,
    )


def _find(site: Site, model: str, namespace: str) -> Resource | None:
    try:
        return find_model(site.resources, model, namespace) if model else None
    except (NotFoundError, InvalidInputError):
        return None  # its facts are given


def _reference(found: Resource | None, model: str, namespace: str) -> ModelReference:
    """The model by its name and by what else it is called where its resource is there: a short name says little."""
    spec = (found or {}).get("spec") or {}
    uri = str((spec.get("storage") or {}).get("storageUri") or "")
    scheme, _, place = uri.partition("://")
    parts = place.partition("@")[0].rstrip("/").split("/")
    source = parts[-2:] if scheme == "hf" else parts[-1:]  # before it are the names of buckets
    names = (*source, spec.get("displayName"), spec.get("vendor"))
    also_called = tuple(str(name) for name in names if name)
    return ModelReference(name=model, namespace=namespace, also_called=also_called)


def _nodes(site: Site, found: Resource | None) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Nodes that may serve the model, and what is to be known of that.

    Pods are scheduled only to nodes that have the model, so once some have it no other counts. Before it is cached
    those count that it is to come to; and all for a model in a claim, which is on no node, and for one that is not
    there (its facts are given).
    """
    if site.api is None:
        return (local_node(),), ()
    from steps.cluster.nodes import nodes_of
    from steps.cluster.resource_types import NODE

    nodes = nodes_of(site.api.list(NODE))
    if not nodes:
        raise NotFoundError("the cluster has no nodes", remedy="Add a node.")
    if found is None or stays_in_claim(found):
        return nodes, ()
    owner = owner_of(found)
    label = node_label(owner.kind, owner.namespace, owner.name)
    holding = tuple(node for node in nodes if node.labels.get(label) == READY)
    if not holding:
        return _nodes_to_come(found, nodes, f"no node has the label {label}={READY} yet")
    if len(holding) == len(nodes):
        return nodes, ()
    names = ", ".join(node.name for node in holding[:5]) + (", …" if len(holding) > 5 else "")
    return holding, (f"only {len(holding)} of {len(nodes)} nodes have the model, and only these count: {names}",)


def _nodes_to_come(model: Resource, nodes: tuple[Node, ...], lacking: str) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Those that the model's storage chooses."""
    storage = (model.get("spec") or {}).get("storage") or {}
    affinity = {"nodeAffinity": storage.get("nodeAffinity") or {}}
    meant = tuple(
        node
        for node in nodes
        if matches_selector(storage.get("nodeSelector") or {}, node.labels)
        and matches_affinity(affinity, node.name, node.labels)
    )
    if len(meant) == len(nodes):
        return nodes, (f"{lacking}: all {len(nodes)} nodes were looked at",)
    return meant, (f"{lacking}: the {len(meant)} of {len(nodes)} nodes that spec.storage chooses were looked at",)


def _missing_program(spec: Mapping[str, Any]) -> str | None:
    try:
        return missing_program(spec)
    except InvalidInputError as error:
        return error.message  # such a runtime could not be deployed either


def _label(kind: str, resource: Resource) -> str:
    metadata = resource.get("metadata") or {}
    name = str(metadata.get("name") or "(no name)")
    if kind == "ServingRuntime":
        return f"{metadata.get('namespace') or 'default'}/{name}"
    return name if kind == "ClusterServingRuntime" else f"{kind} {name}"
