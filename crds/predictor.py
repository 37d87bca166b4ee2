"""OME's older form of a service: `spec.predictor`, and what it is in the form of today, model, runtime and engine.

Pure, on plain dictionaries: `ome apply` stores the newer form, and on a cluster the controller writes it
(`controller.plans.predictor`). What becomes of which field is as in OME's own migration (`migration_util.go`), with
two differences: what the older form's model says of its container always becomes the runner's, where OME loses it
unless the container has a name; and the protocol version does not become an environment variable that nothing reads.
"""

from collections.abc import Mapping
from typing import Any

from crds.component import ComponentExtension
from crds.kubernetes import CONTAINER_FIELDS
from crds.pod import PodFields

_OF_ENGINE = frozenset((*PodFields.json_names(), *ComponentExtension.json_names())) - {"containers"}
_OF_RUNNER = frozenset(CONTAINER_FIELDS.split())
_OF_MODEL = frozenset(("baseModel", "fineTunedWeights", "runtime"))
_PLACED = _OF_ENGINE | {"model", "containers", "workerSpec"}

Spec = Mapping[str, Any]


def migrated(spec: Spec) -> dict[str, Any]:
    """The spec of a service without `predictor`: what it says stands in `model`, `runtime` and `engine`.

    What those say already stays: `model` and `runtime` as a whole, `engine` field by field.
    """
    made = {name: value for name, value in spec.items() if name != "predictor"}
    predictor = _given(spec.get("predictor"))
    if not predictor:
        return made
    model = _given(predictor.get("model"))
    found = {"model": _model(model), "runtime": _named(model.get("runtime"))}
    made |= {name: value for name, value in found.items() if value and made.get(name) is None}
    return made | {"engine": _with_leader({**_engine(predictor, model), **_given(made.get("engine"))})}


def unplaced(spec: Spec) -> tuple[str, ...]:
    """Fields of the older form that have no place in the newer one, as paths below `predictor`."""
    predictor = _given(spec.get("predictor"))
    model = _given(predictor.get("model"))
    return (
        *(name for name in sorted(predictor) if name not in _PLACED),
        *(f"model.{name}" for name in sorted(model) if name not in _OF_RUNNER | _OF_MODEL),
    )


def _model(model: Spec) -> dict[str, Any]:
    weights = model.get("fineTunedWeights")
    return _named(model.get("baseModel")) and {
        "name": model["baseModel"], **({"fineTunedWeights": weights} if weights else {}),
    }  # fmt: skip


def _named(name: object) -> dict[str, Any]:
    return {"name": name} if name else {}


def _engine(predictor: Spec, model: Spec) -> dict[str, Any]:
    made = {name: value for name, value in predictor.items() if name in _OF_ENGINE}
    runner, others = _runner(predictor.get("containers") or ())
    said = {name: value for name, value in model.items() if name in _OF_RUNNER}
    if runner.get("env") and said.get("env"):
        said["env"] = [*runner.pop("env"), *said["env"]]
    made |= {"containers": others} if others else {}
    made |= {"runner": {**said, **runner}} if runner or said else {}
    return made | ({"worker": predictor["workerSpec"]} if "workerSpec" in predictor else {})


def _runner(containers: Any) -> tuple[dict[str, Any], list[Any]]:
    """Which container serves, as OME finds it (the first with "ome" in its name, or the first), and the others."""
    found = [each for each in containers if "ome" in str(each.get("name", "")).lower()] or list(containers)
    if not found:
        return {}, []
    return dict(found[0]), [each for each in containers if each is not found[0]]


def _with_leader(engine: dict[str, Any]) -> dict[str, Any]:
    """The older form has workers and no leader: that is the runtime's, of which an empty one changes nothing."""
    has_only_workers = engine.get("worker") is not None and engine.get("leader") is None
    return {**engine, "leader": {}} if has_only_workers else engine


def _given(value: object) -> dict[str, Any]:
    """The fields of an object; a null is as good as none."""
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else {}
