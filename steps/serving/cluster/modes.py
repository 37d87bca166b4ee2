"""Which of OME's deployment modes a service asks for, and which of them there is.

Pure. Called by `render`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from crds.metadata import DEPLOYMENT_MODE
from steps.errors import InvalidInputError, UnsupportedError
from steps.serving.cluster.metadata import ServiceMetadata, texts_of
from steps.serving.cluster.strategy import check_rollout
from steps.serving.component import Component, ComponentName
from steps.serving.fields import mapping_at

Mode = Literal["RawDeployment", "VirtualDeployment"]
_REMEDY = (
    "Accepted: RawDeployment (a Deployment and a Service for each component), PDDisaggregated (the same, on a whole"
    " service), VirtualDeployment (status only)."
)


def service_mode(service: ServiceMetadata) -> Mode:
    """The mode of a whole service, by its annotation.

    PDDisaggregated is a word of OME's webhook for an engine beside a decoder. Its controller makes each by itself, as
    of a service without the word, and so do we.

    Raises:
        UnsupportedError: for the modes that there are not.
    """
    mode = service.annotations.get(DEPLOYMENT_MODE, "")
    return "RawDeployment" if mode == "PDDisaggregated" else _checked(mode, "metadata.annotations")


def check_component_mode(component: Component, name: ComponentName) -> None:
    """Refuse a component that is not one Deployment.

    Raises:
        UnsupportedError: for several nodes, and for the modes that there are not.
    """
    where = f"spec.{name}"
    _checked(texts_of(component.pod, "annotations", where).get(DEPLOYMENT_MODE, ""), f"{where}.annotations")
    for part in ("leader", "worker"):
        if component.pod.get(part) is not None:
            raise UnsupportedError(
                f"{where}.{part}: MultiNode (one model over several nodes) is not supported", remedy=_REMEDY
            )


def check_service(spec: Mapping[str, Any], service: ServiceMetadata) -> None:
    """Refuse what a service asks for and would not get.

    Raises:
        UnsupportedError: names the field.
        InvalidInputError: when there is no engine.
    """
    tuned = mapping_at(spec, "model", "spec").get("fineTunedWeights")
    if tuned:
        raise UnsupportedError(
            "spec.model.fineTunedWeights: adapters are not supported yet", remedy="Serve the base model alone."
        )
    if service.annotations.get("ome.io/model-placement") == "prefer":
        raise UnsupportedError(
            'metadata.annotations ome.io/model-placement: "prefer" is not supported yet',
            remedy="Leave it out: pods go to the nodes that have the model.",
        )
    check_rollout(spec)
    if spec.get("engine") is None:
        remedy = "Give `engine: {}` to take the runtime's engine"
        older = ", and what spec.predictor (OME's older form) has" if spec.get("predictor") is not None else ""
        raise InvalidInputError("spec.engine: is missing", remedy=f"{remedy}{older}.")


def _checked(mode: str, where: str) -> Mode:
    if mode in ("", "RawDeployment"):
        return "RawDeployment"
    if mode == "VirtualDeployment":
        return "VirtualDeployment"
    raise UnsupportedError(f'{where} {DEPLOYMENT_MODE}: "{mode}" is not supported', remedy=_REMEDY)
