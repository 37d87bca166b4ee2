"""Controller, command line and deploy read from a service alike what it asks of the hardware, and hold to it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.accelerator_selector import AcceleratorConstraints
from steps.choice import Choice
from steps.contract import find_step, read_inputs
from steps.errors import InvalidInputError, UnsupportedError
from steps.resources import ResourceFolder
from steps.select_runtime import SelectInputs
from steps.serving.asked_hardware import asked_accelerator, asked_hardware, check_accelerator
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, folder_of


def service(annotation: str = "", **spec: Any) -> dict[str, Any]:
    annotations = {"ome.io/accelerator-class": annotation} if annotation else {}
    metadata = {"name": "chat", "namespace": "team", "annotations": annotations}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"model": {"name": "tiny"}, "engine": {}, **spec},
    }


def override(**selector: Any) -> dict[str, Any]:
    return {"acceleratorOverride": selector}


SELECTOR: dict[str, Any] = {"acceleratorSelector": {"acceleratorClass": "a100"}}
ENGINE: dict[str, Any] = {"engine": override(acceleratorClass="h100")}
DECODER: dict[str, Any] = {"decoder": override(acceleratorClass="l40s")}


@pytest.mark.parametrize(
    ("asking", "accelerator"),
    [
        (service(), ""),
        (service("t4"), "t4"),
        (service("t4", **SELECTOR), "a100"),
        (service("t4", **SELECTOR, **ENGINE), "h100"),
        (service(**ENGINE), "h100"),
        (service(**DECODER), "l40s"),
        (service("t4", **DECODER), "t4"),
        (service(engine=None, decoder=None, acceleratorSelector=None), ""),
    ],
)
def test_the_engines_override_comes_first_then_the_selector_then_the_annotation(
    asking: dict[str, Any], accelerator: str
) -> None:
    assert asked_accelerator(asking) == accelerator


@pytest.mark.parametrize(
    ("asking", "told"),
    [
        (
            service(**ENGINE, **DECODER),
            'spec.decoder.acceleratorOverride.acceleratorClass asks for "l40s", and spec.engine.acceleratorOverride.'
            'acceleratorClass asks for "h100"; accepted: "h100"',
        ),
        (
            service(**SELECTOR, **DECODER),
            'asks for "l40s", and spec.acceleratorSelector.acceleratorClass asks for "a100"; accepted: "a100"',
        ),
        (
            service(**SELECTOR, **ENGINE, decoder={}),
            'spec.acceleratorSelector.acceleratorClass asks for "a100" for the decoder, and spec.engine.',
        ),
        (
            service(engine=override(policy="MostCapable"), decoder=override(policy="Cheapest")),
            'spec.decoder.acceleratorOverride.policy asks for "Cheapest", and spec.engine.acceleratorOverride.policy',
        ),
    ],
)
def test_a_decoder_that_asks_for_another_than_the_engine_is_refused(asking: dict[str, Any], told: str) -> None:
    with pytest.raises(UnsupportedError) as refused:
        check_accelerator(asking, Choice(runtime="tiny", accelerator=asked_accelerator(asking)))
    assert told in refused.value.message
    assert "InferenceService team/chat: " in refused.value.message
    assert "Ask for the same in both" in refused.value.remedy


@pytest.mark.parametrize(
    ("asking", "field"),
    [
        (service(**ENGINE), "spec.engine.acceleratorOverride.acceleratorClass"),
        (service(**SELECTOR), "spec.acceleratorSelector.acceleratorClass"),
        (service("h100"), 'metadata.annotations["ome.io/accelerator-class"]'),
    ],
)
def test_a_choice_that_the_service_did_not_ask_for_is_refused(asking: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_accelerator(asking, Choice(runtime="tiny", accelerator="cpu"))
    asked = asked_accelerator(asking)
    assert f'{field} asks for accelerator class "{asked}", and "cpu" was chosen' in refused.value.message
    assert refused.value.remedy == f"Run with accelerator={asked}, or change the InferenceService."


_selectors = st.fixed_dictionaries(
    {},
    optional={
        "acceleratorClass": st.sampled_from(["", "h100", "a100"]),
        "policy": st.sampled_from(["BestFit", "Cheapest"]),
        "constraints": st.fixed_dictionaries({"minMemory": st.integers(1, 99)}),
    },
)
_tolerations = st.lists(st.fixed_dictionaries({"key": st.sampled_from("ab")}), max_size=2)
_engines = st.fixed_dictionaries({}, optional={"acceleratorOverride": _selectors, "tolerations": _tolerations})


@given(
    engine=_engines, decoder=st.none() | _engines, selector=_selectors, annotation=st.sampled_from(["", "h100", "t4"])
)
def test_whoever_selects_by_a_services_arguments_is_not_refused_by_deploy(
    engine: dict[str, Any], decoder: dict[str, Any] | None, selector: dict[str, Any], annotation: str
) -> None:
    asking = service(annotation, engine=engine, decoder=decoder, acceleratorSelector=selector)
    inputs = read_inputs(find_step("select-runtime"), asked_hardware(asking).arguments())
    assert isinstance(inputs, SelectInputs)
    places = (selector, engine.get("acceleratorOverride", {}), (decoder or {}).get("acceleratorOverride", {}))
    given = [place["constraints"] for place in places if "constraints" in place]
    assert inputs.constraints == tuple(AcceleratorConstraints.from_dict(one) for one in given)
    assert inputs.tolerations == (tuple(engine["tolerations"]) if "tolerations" in engine else None)
    try:
        check_accelerator(asking, Choice(runtime="tiny", accelerator=inputs.accelerator or "any"))
    except UnsupportedError:
        assert decoder is not None


def test_a_service_that_asks_for_nothing_has_no_arguments() -> None:
    assert asked_hardware(service()).arguments() == {}
    asked = asked_hardware(service(engine={"tolerations": [], **override(policy="Cheapest")})).arguments()
    assert asked == {"policy": "Cheapest", "tolerations": "[]"}


def test_one_machine_refuses_what_the_service_did_not_ask_for_before_anything_starts() -> None:
    apply_model()
    apply_runtime()
    asking = service(**SELECTOR)
    ResourceFolder().apply(json.loads(json.dumps(asking).replace("team", "default")))
    with pytest.raises(InvalidInputError, match='class "a100", and "" was chosen'):
        deploy_tiny()
    assert not folder_of().exists()
