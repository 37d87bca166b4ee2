"""The numbered examples, all at once and as they are: each does on nodes what its comment says."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import examples
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl
from tests.cluster.three import has_ended
from tests.cluster.tiny_model import tiny_model
from tests.cluster.waiting import wait_gone, wait_ready, wait_until

FOLDER = Path(next(iter(examples.__path__)))
NUMBERED = sorted(FOLDER.glob("0*.yaml"))
PRIVATE, TOKEN = FOLDER / "06-private-model.yaml", "hf_reader"
POOL = "example.com/pool"
KINDS = {
    "benchmarkjob": ("smollm2-once", "smollm2-nightly", "smollm2-everything"),
    "inferenceservice": ("smollm2", "smollm2-everything"),
    "basemodel": ("smollm2-everything", "private-model"),
    "clusterbasemodel": ("smollm2-135m-instruct", "smollm2-on-some-nodes"),
}


@pytest.fixture
def applied(measuring: Kubectl, hub: ClusterHub, pool: list[str], tmp_path: Path) -> Iterator[Kubectl]:
    """All of them applied, with what their comments ask for; none is left afterwards."""
    hub.add("example-org/private-model", tiny_model(tmp_path), settings=f"gated: manual\ntokens: [{TOKEN}]\n")
    measuring("label", "node", *pool[:2], f"{POOL}=inference")
    commands = re.findall(r"^#   kubectl (create .*)$", PRIVATE.read_text(), re.MULTILINE)
    for command in commands:
        measuring(*shlex.split(command.replace("hf_...", TOKEN)))
    try:
        measuring("apply", *(f"--filename={path}" for path in NUMBERED))
        yield measuring
    finally:
        measuring("delete", "--wait=false", "--ignore-not-found", *(f"--filename={path}" for path in NUMBERED))
        for kind, names in KINDS.items():
            for name in names:
                wait_gone(measuring, kind, name, namespace="" if kind == "clusterbasemodel" else "default")
        measuring("label", "node", *pool[:2], f"{POOL}-")
        for kind in ("rolebinding", "role", "secret"):
            measuring("delete", kind, "hub-token", "--namespace=default", "--ignore-not-found")


def test_each_numbered_example_does_what_it_says(applied: Kubectl, pool: list[str]) -> None:
    kubectl = applied
    for kind in ("clusterbasemodel", "basemodel", "inferenceservice"):
        for name in KINDS[kind]:
            wait_ready(kubectl, kind, name, namespace="" if kind == "clusterbasemodel" else "default")
    assert kubectl.get("clusterbasemodel", "smollm2-on-some-nodes")["status"]["nodesReady"] == sorted(pool[:2])
    for name in ("smollm2-once", "smollm2-everything"):
        ended = wait_until(kubectl, "benchmarkjob", name, has_ended, namespace="default", what="ended")
        assert ended["status"]["state"] == "Completed", ended["status"]
        assert all(cell["requests"] > 0 and float(cell["errorRate"]) == 0.0 for cell in ended["status"]["results"])
    (nightly,) = kubectl.list("cronworkflow", "ome", "ome.io/name=smollm2-nightly")
    assert (nightly["spec"]["schedules"], nightly["spec"]["timezone"]) == (["0 3 * * *"], "Europe/Berlin")
    documents = [document for path in NUMBERED for document in path.read_text().split("\n---\n")]
    assert len(documents) == sum(map(len, KINDS.values())), "an example that this test does not know"
