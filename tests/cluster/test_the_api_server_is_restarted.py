"""The API server killed with -9 while pods fetch, deploy and measure: all come to the end of a calm life.

Each time it cuts every watch of the cluster, and the one that starts again tells what was watched that its version is
too old (410): its cache begins later. The controller is the installed one, in its pod, with its Lease.
"""

from collections.abc import Callable

from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.control_plane import restart_api_server
from tests.cluster.controller_pods import LABEL
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL
from tests.cluster.runs import main_ended, main_started, running, runs_of
from tests.cluster.test_the_controller_is_killed import has_run
from tests.cluster.three import Three, check_end, has_ended
from tests.cluster.waiting import wait_none, wait_until
from tests.controller.engine.process import total
from tests.hub.faults import Fault

HELD = Fault("hold", path="lfs/*.gguf", after=1 << 20)
EXPIRED = "ome_controller_watches_expired_total"


def test_all_come_to_the_end_of_a_calm_life_and_leave_nothing(
    measuring: Kubectl,
    local_cluster: LocalCluster,
    hub: ClusterHub,
    namespace: str,
    pool: list[str],
    image: Callable[[str], str],
) -> None:
    kubectl, name = measuring, "restarted"
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    hub.set_faults(HELD)  # so that they fetch for as long as it takes
    three = Three(kubectl, name, namespace)
    before, told = processes(kubectl), expired(kubectl)
    three.apply("model", "service", "benchmark")
    for kind, step in (("clusterbasemodel", "cache"), ("inferenceservice", "deploy"), ("benchmarkjob", "benchmark")):
        place = "" if kind == "clusterbasemodel" else namespace
        run = wait_until(kubectl, kind, name, has_run, namespace=place, what="at work")["status"]["workflow"]["name"]
        pods = at_work(kubectl, run, step)
        gone = restart_api_server(local_cluster.folder, local_cluster.components, kubectl)
        hub.set_faults()
        for pod in pods:
            ended = wait_until(kubectl, "pod", pod, main_ended, namespace="ome", what="ended")
            assert main_ended(ended) >= int(gone), f"{pod} was not at work"
    wait_until(kubectl, "benchmarkjob", name, has_ended, namespace=namespace, what="ended")
    three.check(image("ome-steps"))
    check_end(three)
    assert [runs_of(kubectl, verb, name) for verb in ("import", "deploy", "benchmark")] == [1, 1, 1]
    assert processes(kubectl) == before, "no controller has ended"
    assert expired(kubectl) > told, "no watch was told 410"
    identity, objects = three.identity(), three.objects_on(local_cluster)
    three.delete()
    wait_none(three.left)
    wait_none(lambda: three.traces(*identity))
    assert objects and three.files(local_cluster, objects) == []


def at_work(kubectl: Kubectl, run: str, step: str) -> list[str]:
    """Wait until a step of a run is at work; its pods that are."""
    found = wait_until(kubectl, "workflow", run, lambda w: running(w, step), namespace="ome", what=f"at step {step}")
    pods = kubectl.list("pod", "ome", f"workflows.argoproj.io/workflow={run}")
    names = {pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]: pod["metadata"]["name"] for pod in pods}
    mine = [names[node] for node in running(found, step)]
    for pod in mine:
        wait_until(kubectl, "pod", pod, main_started, namespace="ome", what="started")
    return mine


def processes(kubectl: Kubectl) -> dict[str, int]:
    """The controller's pods, and how often each has been started again."""
    pods = kubectl.list("pod", "ome", LABEL)
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}


def expired(kubectl: Kubectl) -> float:
    """How many watches of the controller were told that their version is too old."""
    pages = [
        kubectl("get", "--raw", f"/api/v1/namespaces/ome/pods/{pod}:8080/proxy/metrics") for pod in processes(kubectl)
    ]
    return sum(total(page, EXPIRED) for page in pages)
