"""Annotations of an InferenceService whose values can be wrong."""

from collections.abc import Mapping

from crds.autoscaling import is_number
from crds.metadata import DEPLOYMENT_MODE, FIT
from crds.problems import FieldError, shown

DEPLOYMENT_MODES = (
    "RawDeployment", "MultiNode", "PDDisaggregated", "Serverless", "MultiNodeRayVLLM", "VirtualDeployment",
)  # fmt: skip

AUTOSCALER_CLASS = "ome.io/autoscalerClass"
AUTOSCALER_CLASSES = ("hpa", "keda", "external")
TARGET_PERCENTAGE = "ome.io/targetUtilizationPercentage"

_WORDS: Mapping[str, tuple[str, ...]] = {
    DEPLOYMENT_MODE: DEPLOYMENT_MODES,
    FIT: ("enforce", "warn", "off"),
    AUTOSCALER_CLASS: AUTOSCALER_CLASSES,
    "ome.io/on-drift": ("hold", "redeploy"),
    "ome.io/model-placement": ("require", "prefer"),
    "ome.io/args": ("extend", "replace"),
    "autoscaling.keda.sh/operator": ("GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
}


def check_service_annotations(annotations: Mapping[str, str]) -> None:
    """Check every annotation that has a fixed set of values.

    Raises:
        FieldError: names the annotation, its value and what is accepted.
    """
    for key in _WORDS:
        _check_word(key, annotations)
    metric = annotations.get("ome.io/metrics")
    if metric is not None and annotations.get(AUTOSCALER_CLASS, "hpa") == "hpa" and metric not in ("cpu", "memory"):
        raise FieldError(f"{shown(metric)} is not known", accepted="cpu, memory", field=_path("ome.io/metrics"))
    target = annotations.get(TARGET_PERCENTAGE)
    if target is not None and not is_percentage(target):
        raise FieldError(
            f"{shown(target)} is not a percentage",
            accepted="a whole number from 1 to 100",
            field=_path(TARGET_PERCENTAGE),
        )
    threshold = annotations.get("autoscaling.keda.sh/threshold")
    if threshold is not None and not is_number(threshold):
        raise FieldError(
            f"{shown(threshold)} is not a number",
            accepted='a number, such as "10"',
            field=_path("autoscaling.keda.sh/threshold"),
        )


def check_fit(annotations: Mapping[str, str]) -> None:
    """Check `ome.io/fit`, which a model may have too.

    Raises:
        FieldError: names the annotation, its value and what is accepted.
    """
    _check_word(FIT, annotations)


def _check_word(key: str, annotations: Mapping[str, str]) -> None:
    accepted = _WORDS[key]
    if key in annotations and annotations[key] not in accepted:
        raise FieldError(f"{shown(annotations[key])} is not known", accepted=", ".join(accepted), field=_path(key))


def is_percentage(text: str) -> bool:
    """Whether a text is a whole number from 1 to 100."""
    return text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= 100


def _path(key: str) -> str:
    return f'metadata.annotations["{key}"]'
