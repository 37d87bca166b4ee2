"""The controller killed with -9 at every write that it makes about a model, a service and a benchmark, Argo at work.

It runs on this machine, behind a proxy, as its service account. Each of its processes has one write carried out, never
hears of it, and is killed. Killed before a write and killed after the one before it leave the same API server behind,
and reads leave nothing, so that each place is tried once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.access import authority, write_kubeconfig
from tests.cluster.addresses import API_URL
from tests.cluster.controller_pods import without_controller
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL
from tests.cluster.runs import runs_of
from tests.cluster.three import Three, check_end
from tests.cluster.waiting import wait_none
from tests.controller.engine.leading import controller_of
from tests.controller.engine.proxy import CuttingProxy

FEWEST_WRITES: Final = 20
MOST_WRITES: Final = 200
"""Several times what is needed: a controller that does things over and over is stopped, and told."""
LONGEST_CALM_SECONDS: Final = 1.0


@dataclass(frozen=True)
class AsController:
    """The cluster's API server, for who works as the controller's service account."""

    url: str
    certificate_authority: Path
    kubeconfig: Path


def test_all_come_to_the_end_of_a_calm_life_and_leave_nothing(
    measuring: Kubectl,
    local_cluster: LocalCluster,
    namespace: str,
    pool: list[str],
    image: Callable[[str], str],
    tmp_path: Path,
) -> None:
    kubectl, name = measuring, "hunted"
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    three = Three(kubectl, name, namespace)
    with without_controller(kubectl), CuttingProxy(as_controller(local_cluster, tmp_path), tmp_path) as proxy:
        three.apply("service", "model", "benchmark")
        writes = lead(proxy, tmp_path, three.has_ended)
        three.check(image("ome-steps"))
        check_end(three)
        assert [runs_of(kubectl, verb, name) for verb in ("import", "deploy", "benchmark")] == [1, 1, 1]
        identity, objects = three.identity(), three.objects_on(local_cluster)
        three.delete()
        writes += lead(proxy, tmp_path, lambda: not three.left())
        wait_none(lambda: three.traces(*identity))
        assert objects and three.files(local_cluster, objects) == []
        assert len(proxy.created) == len(set(proxy.created)), proxy.created
    assert len(writes) >= FEWEST_WRITES, writes


def lead(proxy: CuttingProxy, folder: Path, is_done: Callable[[], bool]) -> list[str]:
    """Start controllers, each of which is killed after its first write, until all is done; those writes."""
    writes: list[str] = []
    while not is_done():
        with controller_of(proxy.kubeconfig, folder):
            cut = proxy.cut_at(1, "", "after")
            while not cut.happened.wait(LONGEST_CALM_SECONDS) and not is_done():
                pass
        proxy.mend()
        writes += cut.writes
        assert len(writes) < MOST_WRITES, writes[-20:]
    return writes


def as_controller(cluster: LocalCluster, folder: Path) -> AsController:
    """Access with a token of the controller's service account."""
    kubeconfig = write_kubeconfig(cluster.kubectl, folder / "as.conf", cluster.folder, "ome-controller", "ome")
    return AsController(API_URL, authority(cluster.folder), kubeconfig)
