"""What a service asks for and would not get is refused, with the field, the value and what there is instead."""

from typing import Any

import pytest

from crds.load import load
from crds.service_annotations import AUTOSCALER_CLASSES
from steps.errors import InvalidInputError, OmeError, UnsupportedError
from steps.serving.cluster.placed_model import place_model
from tests.serving_cluster.made_up import find, model, placed, rendered, runtime, service


@pytest.mark.parametrize("mode", ["Serverless", "MultiNode", "MultiNodeRayVLLM", "rawdeployment"])
@pytest.mark.parametrize("is_of_engine", [False, True])
def test_other_modes_are_refused_with_those_that_there_are(mode: str, is_of_engine: bool) -> None:
    annotations = {"ome.io/deploymentMode": mode}
    asked = service(engine={"annotations": annotations}) if is_of_engine else service(annotations=annotations)
    with pytest.raises(UnsupportedError, match=f'ome.io/deploymentMode: "{mode}"') as caught:
        rendered(asked)
    assert "RawDeployment" in caught.value.remedy
    assert "VirtualDeployment" in caught.value.remedy


def test_prefill_and_decode_apart_are_what_engine_and_decoder_are_anyway() -> None:
    runner = {"runner": {"image": "tiny:1"}}
    runners = runtime(engineConfig=runner, decoderConfig=runner, routerConfig=runner)
    named = service(annotations={"ome.io/deploymentMode": "PDDisaggregated"}, decoder={}, router={})
    made = rendered(named, runners)
    assert made == rendered(service(decoder={}, router={}), runners)
    assert [part.name for part in made.components] == ["engine", "decoder", "router"]


def test_a_component_alone_is_not_prefill_and_decode() -> None:
    engine = {"annotations": {"ome.io/deploymentMode": "PDDisaggregated"}}
    with pytest.raises(UnsupportedError, match="spec.engine.annotations.*PDDisaggregated"):
        rendered(service(engine=engine))


def test_a_virtual_deployment_has_no_objects() -> None:
    made = rendered(service(annotations={"ome.io/deploymentMode": "VirtualDeployment"}))
    assert not made.objects
    assert not made.components
    assert made.url == "http://chat.team.svc.cluster.local:8080"


REFUSED: dict[str, tuple[type[OmeError], str, dict[str, Any]]] = {
    "several nodes": (UnsupportedError, "spec.engine.leader", {"engine": {"leader": {}, "worker": {"size": 1}}}),
    "scale to zero": (UnsupportedError, "spec.engine.minReplicas: 0", {"engine": {"minReplicas": 0}}),
    "rps": (
        UnsupportedError,
        'spec.engine.scaleMetric: "rps"',
        {"engine": {"minReplicas": 1, "maxReplicas": 2, "scaleMetric": "rps"}},
    ),
    "keda": (UnsupportedError, 'autoscalerClass: "keda"', {"annotations": {"ome.io/autoscalerClass": "keda"}}),
    "no autoscaler": (
        InvalidInputError,
        'autoscalerClass: "none" is not known',
        {"annotations": {"ome.io/autoscalerClass": "none"}},
    ),
    "prefer": (UnsupportedError, "model-placement", {"annotations": {"ome.io/model-placement": "prefer"}}),
    "adapters": (UnsupportedError, "fineTunedWeights", {"model": {"name": "m", "fineTunedWeights": ["w"]}}),
    "no engine": (InvalidInputError, "spec.engine: is missing", {"engine": None}),
    "no router": (InvalidInputError, "spec.router: neither the service nor runtime tiny", {"router": {}}),
    "no image": (InvalidInputError, "container.image: is empty", {"engine": {"runner": {"image": ""}}}),
    "entrypoint": (
        InvalidInputError,
        'entrypoint-component: "decoder" is no component',
        {"annotations": {"ome.io/entrypoint-component": "decoder"}},
    ),
    "service type": (
        InvalidInputError,
        'service-type: "ExternalName"',
        {"annotations": {"ome.io/service-type": "ExternalName"}},
    ),
    "not a number": (InvalidInputError, "spec.engine.minReplicas", {"engine": {"minReplicas": "two"}}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_refused(name: str) -> None:
    kind, message, changes = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        rendered(service(**changes))
    assert caught.value.remedy


def test_a_command_that_needs_an_unknown_weight_file_is_refused() -> None:
    needs = runtime(engineConfig={"runner": {"image": "i", "args": ["-m", "$(MODEL_FILE)"]}})
    unparsed = placed().model_copy(update={"weight_file": ""})
    with pytest.raises(InvalidInputError, match=r"\$\(MODEL_FILE\), but no weight file of model smollm2"):
        rendered(service(), needs, served=unparsed)


def test_a_disabled_model_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="spec.disabled"):
        place_model(model(disabled=True), "team", folder="/m")


@pytest.mark.parametrize(
    ("engine", "annotations", "expected"),
    [
        ({}, {}, (4, 4, "nobody")),
        ({"minReplicas": 2}, {}, (2, 2, "nobody")),
        ({"minReplicas": 2, "maxReplicas": 5}, {}, (2, 5, "hpa")),
        ({"minReplicas": 3, "maxReplicas": 2}, {}, (3, 3, "nobody")),
        ({"minReplicas": 2, "maxReplicas": 5}, {"ome.io/autoscalerClass": "external"}, (2, 2, "other")),
        ({"minReplicas": 2, "maxReplicas": 5}, {"ome.io/autoscalerClass": "hpa"}, (2, 5, "hpa")),
    ],
)
def test_who_decides_the_number_of_pods(
    engine: dict[str, Any], annotations: dict[str, str], expected: tuple[int, int, str]
) -> None:
    made = rendered(service(engine=engine, annotations=annotations), replicas=4)
    scaling = made.components[0].scaling
    assert (scaling.minimum, scaling.maximum, scaling.decided_by) == expected
    kinds = [body["kind"] for body in made.objects]
    assert ("HorizontalPodAutoscaler" in kinds) == (expected[2] == "hpa")
    assert ("replicas" in find(made, "Deployment", "chat-engine")["spec"]) == (expected[2] == "nobody")


def test_the_runtime_says_how_many_before_the_input_does() -> None:
    runner = {"runner": {"image": "i"}, "minReplicas": 2}
    assert rendered(service(), runtime(engineConfig=runner), replicas=4).components[0].scaling.minimum == 2


def test_the_target_is_the_annotations_then_the_components_then_ours() -> None:
    def target(engine: dict[str, Any], annotations: dict[str, str]) -> int:
        made = rendered(service(engine={"minReplicas": 1, "maxReplicas": 2, **engine}, annotations=annotations))
        return made.components[0].scaling.target_percent

    annotation = {"ome.io/targetUtilizationPercentage": "30"}
    assert (target({"scaleTarget": 50}, annotation), target({"scaleTarget": 50}, {}), target({}, {})) == (30, 50, 80)


@pytest.mark.parametrize("text", ["80%", "0", "101", "", "-1"])
def test_a_target_that_is_no_percentage_is_refused_and_not_replaced(text: str) -> None:
    engine = {"minReplicas": 1, "maxReplicas": 2, "scaleTarget": 50}
    with pytest.raises(InvalidInputError, match=f'targetUtilizationPercentage: "{text}" is not a percentage'):
        rendered(service(engine=engine, annotations={"ome.io/targetUtilizationPercentage": text}))


@pytest.mark.parametrize("name", AUTOSCALER_CLASSES)
def test_an_autoscaler_of_ome_is_done_or_said_to_be_missing(name: str) -> None:
    asked = service(engine={"minReplicas": 1, "maxReplicas": 2}, annotations={"ome.io/autoscalerClass": name})
    assert load(asked).problems == (), "OME's manifests apply unchanged"
    try:
        rendered(asked)
    except UnsupportedError as error:
        accepted = {other for other in AUTOSCALER_CLASSES if other in error.remedy}
        assert name not in accepted and accepted == {"hpa", "external"}


def test_an_autoscaler_without_a_request_to_measure_by_is_told() -> None:
    scaled = {"minReplicas": 1, "maxReplicas": 2}
    said = rendered(service(engine=scaled)).warnings
    assert said == ("spec.engine: scales by cpu, but its container requests none, so that it will not scale",)
    asking = {**scaled, "runner": {"resources": {"requests": {"cpu": "1"}}}}
    assert rendered(service(engine=asking)).warnings == ()
