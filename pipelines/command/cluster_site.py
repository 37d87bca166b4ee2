"""A cluster as `ome runtimes explain --cluster` reads it: resources, nodes and facts, by a person's kubeconfig."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from crds import labels

if TYPE_CHECKING:
    from steps.facts import Facts
    from steps.surroundings import Site

_CHECK = "check-fit"


def open_site(kubeconfig: Path | None) -> "Site":
    """The cluster of a kubeconfig's current context.

    Raises:
        InvalidInputError: when the kubeconfig is not there or cannot be used.
    """
    from pipelines.install.connection import connect
    from pipelines.install.options import NAMESPACE
    from steps.cluster.resources import ClusterResources
    from steps.surroundings import Site

    api = connect(kubeconfig)
    return Site(ClusterResources(api), api, NAMESPACE)


def facts_on_cluster(site: "Site", model: str, namespace: str) -> "Facts":
    """Facts of a model of the cluster; of one that is held back since it does not fit, those of the run that looked.

    Raises:
        NotFoundError: there is no such model, or nobody knows its facts.
        InvalidInputError: it is disabled, or has neither been imported nor looked at.
    """
    from steps.published_model import artifact_digest, find_model
    from steps.surroundings import find_facts

    found = find_model(site.resources, model, namespace)
    if not artifact_digest(found) and (facts := _facts_of_check(site, found)) is not None:
        return facts
    return find_facts(site, model, namespace)


def _facts_of_check(site: "Site", model: dict[str, Any]) -> "Facts | None":
    """What the newest run of `check-fit` for a model has parsed; None when there is none, or it did not come to it."""
    from pydantic import ValidationError

    from steps.cluster.resource_types import WORKFLOW
    from steps.facts import Facts

    if site.api is None:
        return None
    metadata = model["metadata"]
    wanted = {labels.PIPELINE: _CHECK, labels.KIND: model["kind"], labels.NAME: labels.label_value(metadata["name"])}
    if metadata.get("namespace"):
        wanted[labels.NAMESPACE] = labels.label_value(metadata["namespace"])
    selector = ",".join(f"{key}={value}" for key, value in wanted.items())
    runs = site.api.list(WORKFLOW, site.system_namespace, labels=selector)
    for run in sorted(runs, key=lambda run: str(run["metadata"].get("creationTimestamp") or ""), reverse=True):
        for node in ((run.get("status") or {}).get("nodes") or {}).values():
            for parameter in (node.get("outputs") or {}).get("parameters") or ():
                if parameter.get("name") == "facts" and parameter.get("value"):
                    try:
                        return Facts.model_validate_json(parameter["value"])
                    except ValidationError:
                        continue
    return None
