"""Fixtures of the tests that need a whole cluster: the cluster, a namespace each, images on its nodes, the test hub.

A test that uses one of them is marked `cluster` by that alone: `make test` leaves it out, `make test-cluster` runs it.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images.environment import EnvironmentProblem
from pipelines.install.options import ARGO_VERSION as BUNDLED_VERSION
from steps.errors import OmeError
from tests.cluster import ring, users_installation
from tests.cluster.cluster_hub import NAMESPACE as HUB_NAMESPACE
from tests.cluster.cluster_hub import ClusterHub, hub_objects
from tests.cluster.installing import install
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL, cpu_class, runtime
from tests.cluster.own_images import make_hub_archive, own_image
from tests.cluster.programs import ARGO_VERSION
from tests.cluster.waiting import wait_gone, wait_none
from tests.not_run import not_run

HERE = Path(__file__).parent
LAST = ("test_rights_are_enough.py", "test_bundled_argo_runs_and_goes.py")
"""A look at what all others did, and what takes it off the cluster."""

SECONDS = 2400
"""For a test with its fixtures, some of which build images: what is waited for in vain tells its evidence before."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs the cluster, and put those behind all others that come after them.

    What stops a kubelet or fills a node's disk is not for a cluster that somebody needs, and Argo comes bundled in one
    version.
    """
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()) and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(SECONDS))
    items.sort(key=lambda item: LAST.index(item.path.name) if item.path.name in LAST else -1)
    unfit = {"local_cluster"} if ring.users_kubeconfig() is not None else set()
    unfit |= {"bundled"} if ARGO_VERSION != BUNDLED_VERSION else set()
    left_out = [item for item in items if unfit & set(getattr(item, "fixturenames", ()))]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def cluster() -> ring.Cluster:
    """The cluster of `KUBECONFIG`, else this machine's, with Argo Workflows; it is left running."""
    try:
        found = ring.find_cluster()
        ring.check(found)
    except OmeError as error:
        not_run(error.message, error.remedy)
    return found


@pytest.fixture(scope="session")
def local_cluster(cluster: ring.Cluster) -> LocalCluster:
    """This machine's cluster, whose nodes and logs can be reached."""
    assert isinstance(cluster, LocalCluster)
    return cluster


@pytest.fixture(scope="session")
def kubectl(cluster: ring.Cluster) -> Kubectl:
    """As the cluster's administrator."""
    return cluster.kubectl


@pytest.fixture
def namespace(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, whose pods may be steps of workflows; it goes away afterwards."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")
    name = f"{slug}-{uuid.uuid4().hex[:6]}"
    kubectl.apply(*namespace_objects(name))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def image(cluster: ring.Cluster) -> Callable[[str], str]:
    """`image("ome-steps")`: builds the image if its files have changed, gives it to every node, and names it."""
    known: dict[str, str] = {}

    def ready(name: str) -> str:
        if name not in known:
            reference, archive = _built(name, cluster)
            cluster.load_image(archive)
            known[name] = reference
        return known[name]

    return ready


@pytest.fixture(scope="session")
def cluster_hub(cluster: ring.Cluster, kubectl: Kubectl) -> ClusterHub:
    """The test hub in the cluster, with SmolLM2; it is left running, and made anew when its image has changed."""
    _, steps = _built("ome-steps", cluster)
    cluster.load_image(make_hub_archive(steps))
    kubectl("delete", "pod", "hub", f"--namespace={HUB_NAMESPACE}", "--ignore-not-found")
    wait_gone(kubectl, "pod", "hub", namespace=HUB_NAMESPACE)
    kubectl.apply(*hub_objects())
    kubectl("wait", "--for=condition=Ready", "pod/hub", f"--namespace={HUB_NAMESPACE}", "--timeout=600s")
    found = ClusterHub(kubectl)
    wait_none(lambda: [] if found.answers() else ["the hub does not answer"])  # endpoints come after Ready
    return found


@pytest.fixture
def hub(cluster_hub: ClusterHub) -> Iterator[ClusterHub]:
    """The test hub with counters at zero and no faults, and none left afterwards."""
    cluster_hub.clear()
    yield cluster_hub
    cluster_hub.clear()


@pytest.fixture(scope="session")
def installed(
    cluster: ring.Cluster, kubectl: Kubectl, image: Callable[[str], str], cluster_hub: ClusterHub
) -> Iterator[Kubectl]:
    """The cluster with everything of ours, put there by `ome install` as a user does it; it stays afterwards."""
    if not isinstance(cluster, LocalCluster):
        try:
            users_installation.check_free(kubectl)
        except OmeError as error:
            not_run(error.message, error.remedy)
    for name in ("ome-steps", "ome-controller"):
        image(name)
    install(cluster, cluster_hub.url)
    if not isinstance(cluster, LocalCluster):
        users_installation.mark(kubectl)
    kubectl("rollout", "restart", "deployment/ome-controller", "--namespace=ome")  # its image's name stays the same
    kubectl("rollout", "status", "deployment/ome-controller", "--namespace=ome", "--timeout=600s")
    yield kubectl
    remove_left_overs(kubectl)
    for node in kubectl.list("node"):
        kubectl("label", "node", node["metadata"]["name"], f"{POOL}-")


@pytest.fixture(scope="session")
def serving(installed: Kubectl, image: Callable[[str], str]) -> Kubectl:
    """The same with a runtime that every node has, for nodes without an accelerator."""
    installed.apply(cpu_class(), runtime(image=image("ome-llama-cpp")))
    return installed


@pytest.fixture(scope="session")
def measuring(serving: Kubectl, image: Callable[[str], str]) -> Kubectl:
    """The same with genai-bench."""
    image("ome-benchmark")
    return serving


@pytest.fixture
def pool(installed: Kubectl) -> Iterator[list[str]]:
    """The names of all nodes that take pods, none of which is in the pool before and after."""
    names = ring.workers(installed)
    installed("label", "node", *names, f"{POOL}-")
    yield names
    remove_left_overs(installed)
    installed("label", "node", *names, f"{POOL}-")


def remove_left_overs(kubectl: Kubectl) -> None:
    """Delete what a failed test has left."""
    kinds = ("benchmarkjobs", "inferenceservices", "basemodels", "clusterbasemodels", "clusterservingruntimes")
    told = [
        kubectl.tell("delete", kind, "--selector=ome.io/test=true", "--all-namespaces", "--timeout=600s")
        for kind in kinds
    ]
    assert not any(kubectl.list(kind, selector="ome.io/test=true") for kind in kinds), told


def namespace_objects(name: str) -> list[Object]:
    """A namespace, and the right that Argo's executor needs in it."""
    group = "rbac.authorization.k8s.io"
    role = {"name": "workflow-steps", "namespace": name}
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    account = {"kind": "ServiceAccount", "name": "default", "namespace": name}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"ome.io/test": "true"}}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": role, "rules": [rule]},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": role, "subjects": [account],
         "roleRef": {"apiGroup": group, "kind": "Role", "name": "workflow-steps"}},
    ]  # fmt: skip


def _built(name: str, cluster: ring.Cluster) -> tuple[str, Path]:
    """An image of this project, built if need be: its reference and its archive."""
    try:
        return own_image(name, for_this_machine=isinstance(cluster, LocalCluster))
    except EnvironmentProblem as problem:
        not_run(problem.message, problem.remedy)
