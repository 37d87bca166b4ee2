"""A model, a service and a benchmark, applied in any order: all come to the same end, and go without a trace.

Two more orders: `test_numbered_examples_run.py` has the last thing first, and in
`test_the_controller_is_killed_at_every_write.py` the service comes first.
"""

from collections.abc import Callable

from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL
from tests.cluster.ring import Cluster
from tests.cluster.three import Three, check_end, has_ended
from tests.cluster.waiting import wait_none, wait_until


def test_all_three_end_well_and_leave_nothing(
    measuring: Kubectl, cluster: Cluster, namespace: str, pool: list[str], image: Callable[[str], str]
) -> None:
    kubectl, name = measuring, "any-order"
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    three = Three(kubectl, name, namespace)
    three.apply("model", "benchmark", "service")
    wait_until(kubectl, "benchmarkjob", name, has_ended, namespace=namespace, what="ended")
    three.check(image("ome-steps"))
    check_end(three)
    identity = three.identity()
    objects = three.objects_on(cluster) if isinstance(cluster, LocalCluster) else []
    three.delete()
    wait_none(three.left)
    wait_none(lambda: three.traces(*identity))  # what was owned goes a moment after its owner
    if isinstance(cluster, LocalCluster):  # whose nodes' folders can be looked into
        assert objects and three.files(cluster, objects) == []
