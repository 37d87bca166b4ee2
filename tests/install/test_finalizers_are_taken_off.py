"""Without a controller `ome uninstall` takes off what the controller holds resources by, and nobody else's."""

from typing import Any

import pytest

from crds.labels import FINALIZERS
from pipelines.install.remove_resources import kept_finalizers
from tests.apiserver.client import ApiRefusedError
from tests.crds.samples import benchmark, document, model, service
from tests.install.conftest import Cluster

SAMPLES: dict[str, dict[str, Any]] = {
    "ClusterBaseModel": model(),
    "BaseModel": document("BaseModel", {"storage": {"storageUri": "hf://organisation/small"}}),
    "InferenceService": service(),
    "BenchmarkJob": benchmark(),
}


@pytest.mark.parametrize("kind", FINALIZERS)
def test_only_the_very_names_that_the_controller_writes_are_ours(kind: str) -> None:
    ours = FINALIZERS[kind]
    others = [f"example.com/{ours}", f"{ours}.example.com", "example.ome.io/keep", "foregroundDeletion"]
    assert kept_finalizers({"metadata": {"finalizers": [ours, *others]}}) == others


def test_an_argo_that_goes_too_does_not_hold_a_workflow() -> None:
    held = ["workflows.argoproj.io/artifact-gc", "example.com/argoproj.io"]
    assert kept_finalizers({"metadata": {"finalizers": held}}) == ["example.com/argoproj.io"]


def test_every_kind_that_the_controller_holds_goes_without_it(cluster: Cluster) -> None:
    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    assert SAMPLES.keys() == FINALIZERS.keys()
    for kind, sample in SAMPLES.items():
        held = {"name": "held", "finalizers": [FINALIZERS[kind]]}
        cluster.admin.create({**sample, "metadata": held})

    removed = cluster.ome("uninstall", "--yes", "--timeout", "0")
    assert removed.returncode == 0, removed.stderr
    assert "held by" not in removed.stdout and "still there" not in removed.stdout
    with pytest.raises(ApiRefusedError):
        cluster.admin.request("GET", "/apis/ome.io/v1beta1")
