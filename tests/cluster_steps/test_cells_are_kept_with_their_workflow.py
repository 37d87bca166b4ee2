"""A benchmark in a pod: the next attempt of its workflow goes on with the finished cells, and no other does."""

import signal
import time
from subprocess import Popen
from typing import Any

import pytest

from steps.endpoint import Endpoint
from tests.apiserver.client import ApiRefusedError
from tests.benchmarking.made_up_gguf import write_gguf
from tests.benchmarking.openai_server import OpenAIServer, serving
from tests.benchmarking.test_tokenizer_is_made_from_the_model import byte_level
from tests.cluster_steps.cluster import Cluster, config_map

ASKED: dict[str, Any] = {
    "name": "nightly", "model": "tiny", "scenarios": ("D(8,8)",), "concurrency": (1, 2), "max_requests": 20,
    "max_minutes": 1,
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("genai_bench_environment")


@pytest.fixture(autouse=True)
def tiny(cluster: Cluster) -> None:
    """A model on a node, with a GGUF vocabulary and nothing else."""
    folder = cluster.models("node-a") / "tiny"
    folder.mkdir()
    write_gguf(folder / "tiny.gguf", byte_level())
    cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": "hf://tiny/tiny"}})


def test_the_next_attempt_measures_what_is_missing(cluster: Cluster) -> None:
    with serving(OpenAIServer(token_seconds=0.004)) as server:
        asked = ASKED | {"endpoint": Endpoint(url=server.url, model_name=server.model)}
        first = cluster.start("benchmark-endpoint", cluster.folder / "first", "node-a", _of("nightly-1"), asked)
        kept = _first_cells(cluster, "cells-nightly-1", first)
        assert [owner["name"] for owner in kept["metadata"]["ownerReferences"]] == ["nightly-1"]
        first.send_signal(signal.SIGTERM)  # as the kubelet does; its folder goes with the pod
        log, _ = first.communicate(timeout=60)
        assert first.returncode == 143, log

        second = cluster.run("benchmark-endpoint", environment=_of("nightly-1"), **asked)
        assert second.code == 0, second.log
        assert "1 of 2 cells were measured by an earlier attempt" in second.outputs["report"]
        assert not cluster.config_map("cells-nightly-1").get("binaryData"), "the report has them now"

        third = cluster.run("benchmark-endpoint", environment=_of("nightly-2"), **asked)
        assert third.code == 0, third.log
        assert "earlier attempt" not in third.outputs["report"]


def test_a_pods_user_is_not_told_of_a_variable_that_no_template_sets(cluster: Cluster) -> None:
    with serving(OpenAIServer(key="sk-0123456789abcdef")) as server:
        endpoint = Endpoint(url=server.url, model_name=server.model)
        ended = cluster.run("benchmark-endpoint", environment=_of("refused"), **ASKED, endpoint=endpoint)
    assert (ended.code, ended.failure["code"]) == (10, "auth"), ended.log
    assert "No pipeline on a cluster takes an endpoint's key" in ended.failure["remedy"]


def _of(workflow: str) -> dict[str, str]:
    from images.environment import cache_folder

    return {"OME_WORKFLOW": workflow, "OME_CACHE": str(cache_folder())}


def _first_cells(cluster: Cluster, name: str, step: "Popen[str]") -> dict[str, Any]:
    """The cells of a step at work, as soon as there are some; fails when the step ends without."""
    while step.poll() is None:
        try:
            return cluster.admin.get(config_map(name))
        except ApiRefusedError:
            time.sleep(0.02)
    raise AssertionError(step.communicate()[0])
