"""A fine-tuned weight says that nothing comes of it, and what to apply in its place."""

from typing import Any

import pytest

from controller.actions import EmitEvent, WriteStatus
from controller.plans import plan_fine_tuned_weight
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition

WEIGHT = ("FineTunedWeight", "", "polite")


def cluster_with_weight(**spec: Any) -> Cluster:
    cluster = Cluster()
    found = {
        "baseModelRef": {"name": "smollm2"},
        "modelType": "LoRA",
        "hyperParameters": {"strategy": "lora"},
        "storage": {"storageUri": "hf://acme/polite"},
    }
    cluster.add({"kind": "FineTunedWeight", "metadata": {"name": "polite"}, "spec": {**found, **spec}})
    return cluster


def test_an_adapter_is_refused_with_what_to_do() -> None:
    cluster = cluster_with_weight()
    written, event = cluster.plan(plan_fine_tuned_weight, *WEIGHT).actions
    assert isinstance(written, WriteStatus) and isinstance(event, EmitEvent)
    cluster.settle(plan_fine_tuned_weight, *WEIGHT)
    ready = condition(cluster.get(*WEIGHT), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Unsupported")
    assert 'spec.modelType: "LoRA" on top of smollm2' in ready["message"]
    assert "Merge it into its base model, and apply the result as a BaseModel" in ready["message"]
    assert cluster.get(*WEIGHT)["status"]["state"] == "Failed"
    assert not cluster.of_kind("Workflow")


@pytest.mark.parametrize(
    ("configuration", "is_merged"),
    [({"merged_weights": True}, True), ('{"merged_weights": true}', True), ("{no json", False), ("[]", False)],
)
def test_merged_weights_are_a_model_of_their_own(configuration: Any, is_merged: bool) -> None:
    cluster = cluster_with_weight(configuration=configuration)
    cluster.settle(plan_fine_tuned_weight, *WEIGHT)
    message = condition(cluster.get(*WEIGHT), "Ready")["message"]
    assert ("BaseModel or ClusterBaseModel with storageUri hf://acme/polite" in message) == is_merged


def test_it_is_told_once_and_anew_for_another_spec() -> None:
    cluster = cluster_with_weight()
    cluster.settle(plan_fine_tuned_weight, *WEIGHT)
    cluster.pass_time(3600)
    assert cluster.plan(plan_fine_tuned_weight, *WEIGHT).actions == ()
    cluster.change(*WEIGHT, {"spec": {"modelType": "Tfew"}})
    cluster.settle(plan_fine_tuned_weight, *WEIGHT)
    ready = condition(cluster.get(*WEIGHT), "Ready")
    assert ready["observedGeneration"] == 2 and "Tfew" in ready["message"]


def test_one_that_goes_is_let_go() -> None:
    cluster = cluster_with_weight()
    cluster.change(*WEIGHT, {"metadata": {"finalizers": ["somebody/else"]}})
    cluster.delete(*WEIGHT)
    assert cluster.plan(plan_fine_tuned_weight, *WEIGHT).actions == ()
