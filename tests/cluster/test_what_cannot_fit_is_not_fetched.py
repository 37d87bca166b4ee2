"""A model of two terabytes with `ome.io/fit: enforce`: refused by its header, with numbers, and not a byte fetched."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.argo_server import submit
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, condition, model, runtime, service
from tests.cluster.ring import Cluster
from tests.cluster.runs import runs_of
from tests.cluster.waiting import wait_gone, wait_ready, wait_until, wait_workflow
from tests.cluster_steps.models import HUGE, HUGE_WEIGHTS, huge_files
from tests.command.run_ome import ome

ANY_SIZE = "of-any-size"


@pytest.fixture
def huge(serving: Kubectl, hub: ClusterHub, pool: list[str], image: Callable[[str], str]) -> Iterator[Kubectl]:
    """The model at its source, a runtime that takes any size, and a node that the model is for."""
    hub.add("acme/huge", *huge_files())
    any_size = runtime(ANY_SIZE, image("ome-llama-cpp"))
    del any_size["spec"]["modelSizeRange"]
    serving("label", "node", pool[0], f"{POOL}=yes")
    serving.apply(any_size)
    hub.clear()
    yield serving
    serving("delete", "clusterservingruntime", ANY_SIZE, "--ignore-not-found")


def enforcing(name: str, namespace: str) -> Object:
    """A service that is to be refused where its model does not fit; it names no runtime."""
    made = service(name, name, namespace)
    made["metadata"]["annotations"] = {"ome.io/fit": "enforce"}
    return made


def is_refused(found: Object) -> bool:
    """Whether a resource says that it does not fit."""
    return condition(found).get("reason") == "DoesNotFit"


@pytest.mark.parametrize("order", ["service model", "model service"])
def test_a_service_that_enforces_keeps_its_model_from_being_fetched_until_it_fits(
    huge: Kubectl, hub: ClusterHub, cluster: Cluster, namespace: str, order: str
) -> None:
    kubectl, name = huge, f"huge-{order[0]}"
    objects = {"service": enforcing(name, namespace), "model": model(name, HUGE)}
    kubectl.apply(*(objects[word] for word in order.split()))

    refused = wait_until(kubectl, "clusterbasemodel", name, is_refused, what="refused")
    assert refused["status"]["state"] == "Failed"
    message = condition(refused)["message"]
    assert "Nothing is fetched" in message and "GiB too little" in message, message
    told = wait_until(kubectl, "inferenceservice", name, is_refused, namespace=namespace, what="refused")
    assert condition(told, "RuntimeSelected")["reason"] == "DoesNotFit"
    assert "GiB too little" in condition(told)["message"]

    assert runs_of(kubectl, "import", name) == 0 and runs_of(kubectl, "fit", name) >= 1
    assert_only_the_header_was_read(hub, runs_of(kubectl, "fit", name))
    label = f"models.ome.io/clusterbasemodel.{name}"
    assert not [node for node in kubectl.list("node") if label in node["metadata"]["labels"]]
    asked = ("--service", name, "--namespace", namespace, "--kubeconfig", str(cluster.kubeconfig))
    ran = ome("runtimes", "explain", name, *asked, "-o", "json")
    assert ran.returncode == 0, ran.stderr
    rows = {row["runtime"]: row for row in json.loads(ran.stdout)}
    assert "15B" in rows["llama-cpp-python"]["reason"] and rows["llama-cpp-python"]["verdict"] == "refused"
    assert rows[ANY_SIZE]["fit"] == "does-not-fit" and "GiB too little" in rows[ANY_SIZE]["reason"]

    if order == "service model":
        kubectl.apply(model(name))  # what it should have been: this one fits
        served = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
        assert served["status"]["selection"]["fit"]["verdict"] in ("fits", "tight")
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def test_a_form_that_onboards_it_ends_at_the_selection(
    huge: Kubectl, hub: ClusterHub, cluster: Cluster, namespace: str
) -> None:
    kubectl = huge
    form = {"uri": HUGE, "name": "huge-form", "service": "huge-form", "namespace": namespace, "fit": "enforce"}
    run = submit(cluster, "onboard-model", form)["metadata"]["name"]
    ended = wait_workflow(kubectl, run, namespace="ome")
    assert ended["status"]["phase"] == "Failed"
    pods = [node for node in ended["status"]["nodes"].values() if node["type"] == "Pod"]
    assert {node["displayName"].partition("(")[0] for node in pods} == {"resolve", "parse", "select"}
    (select,) = [node for node in pods if node["displayName"].startswith("select")]
    assert "exit code 17" in select["message"] and "does-not-fit" in select["message"]
    left = json.loads({p["name"]: p["value"] for p in select["outputs"]["parameters"]}["choice"])
    assert left["runtime"] == "" and ANY_SIZE in {row["runtime"] for row in left["refused"]}
    assert_only_the_header_was_read(hub, 1)
    assert not kubectl.succeeds("get", "clusterbasemodel", "huge-form")


def assert_only_the_header_was_read(hub: ClusterHub, looks: int) -> None:
    """Of the weights no more went out than a parse of the header reads, each time that it was looked at."""
    sent = hub.counts().bytes
    header = len(huge_files()[0]["model.gguf"])
    weights = {path: count for path, count in sent.items() if path.endswith(HUGE_WEIGHTS)}
    assert 0 < sum(weights.values()) <= looks * header, sent
