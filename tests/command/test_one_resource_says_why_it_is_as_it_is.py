"""`ome get KIND NAME`: under the table what was chosen and why, and what keeps it from being ready."""

from typing import Any

import pytest

from pipelines.command.resource_table import choice_of
from steps.resources import ResourceFolder
from tests.command.run_ome import ome

CHOSEN = {
    "runtime": "vllm", "accelerator": "h100", "reasons": ["it supports safetensors", "fits: needs 9 of 80 GiB"],
    "refused": [{"runtime": "tgi", "reason": "it is disabled", "isCandidate": False}],
}  # fmt: skip


def service(selection: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "chat", "namespace": "default"},
        "spec": {"model": {"name": "m"}},
        "status": {"selection": selection},
    }


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({}, ""),
        (
            CHOSEN,
            "vllm on h100; it supports safetensors; fits: needs 9 of 80 GiB; 1 other runtime not chosen, see -o yaml",
        ),
        (
            {"runtime": "own", "runtimeNamespace": "team", "leftOut": 2},
            "team/own; 2 other runtimes not chosen, see -o yaml",
        ),
        ({"refused": CHOSEN["refused"]}, "no runtime was chosen; 1 other runtime not chosen, see -o yaml"),
    ],
)
def test_it_is_a_sentence(selection: dict[str, Any], words: str) -> None:
    assert choice_of(service(selection)) == words


def test_it_is_shown_of_one_service_and_not_in_a_list() -> None:
    ResourceFolder().apply(service(CHOSEN))
    assert "default/chat: vllm on h100; it supports safetensors" in ome("get", "service", "chat").stdout
    assert "it supports safetensors" not in ome("get", "services").stdout


def test_what_keeps_a_resource_from_being_ready_is_shown_of_one() -> None:
    model = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": "nowhere"},
        "spec": {"storage": {"storageUri": "hf://acme/nowhere"}},
        "status": {
            "conditions": [
                {"type": "Resolved", "status": "False", "reason": "NotFound", "message": "as below"},
                {"type": "Ready", "status": "False", "reason": "NotFound", "message": "there is no acme/nowhere"},
            ]
        },
    }
    ResourceFolder().apply(model)
    assert "nowhere: NotFound: there is no acme/nowhere" in ome("get", "models", "nowhere").stdout
    assert "NotFound" not in ome("get", "models").stdout
