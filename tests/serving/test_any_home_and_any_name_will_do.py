"""Homes with spaces or a very long path serve as well as others, and names that make no file name are refused."""

from pathlib import Path

import pytest

from steps.errors import InvalidInputError
from steps.home import LONGEST_NAME, LONGEST_NAMESPACE
from steps.resources import ResourceFolder
from steps.serving import deployments
from steps.serving.state import deployment_folder, deployment_lock
from tests.serving.made_up import apply_model, apply_runtime, deploy_tiny, folder_of, pids_of

ODD_HOMES = ["a home with spaces/and 'quotes'/é", "/".join(["long" * 50] * 10)]


@pytest.mark.parametrize("odd", ODD_HOMES, ids=["spaces", "long"])
def test_a_service_runs_from_an_odd_home(odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_HOME", str(tmp_path / odd))
    apply_model()
    apply_runtime()
    assert deploy_tiny().endpoint.model_name == "tiny"
    assert folder_of().is_relative_to(tmp_path / odd)
    assert pids_of()
    assert deployments.stop("chat")
    assert not pids_of()


def test_the_longest_names_have_a_place() -> None:
    name, namespace = "n" * LONGEST_NAME, "s" * LONGEST_NAMESPACE
    metadata = {"name": name, "namespace": namespace}
    for kind in ("ServingRuntime", "InferenceService", "BenchmarkJob"):
        ResourceFolder().apply({"kind": kind, "metadata": metadata})
        assert ResourceFolder().get(kind, name, namespace)["metadata"] == metadata
    folder = deployment_folder(name, namespace)
    folder.mkdir(parents=True)
    with deployment_lock(folder):
        assert folder.is_dir()


@pytest.mark.parametrize(
    ("name", "namespace", "said"),
    [
        ("n" * (LONGEST_NAME + 1), "default", "metadata.name: .* has 151 characters"),
        ("n", "s" * (LONGEST_NAMESPACE + 1), "metadata.namespace: .* has 64 characters"),
        ("../n", "default", 'metadata.name: "../n" is not a valid name'),
    ],
)
def test_other_names_are_refused(name: str, namespace: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        ResourceFolder().find("InferenceService", name, namespace)
