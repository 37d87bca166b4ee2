"""Deploy is killed (SIGKILL) after each of its writes in turn; run again, it ends with the same objects."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.apiserver.fixture import ApiServer
from tests.serving_cluster.cluster import KINDS, Cluster


def test_a_kill_after_any_write_leaves_what_the_next_run_completes(ome_api_server: ApiServer, in_a_pod: None) -> None:
    expected = _state(_changed(ome_api_server))
    for deadly in itertools.count(1):
        cluster = _changed(ome_api_server, deploy=False)
        code = _killed(cluster.namespace, deadly)
        cluster.deploy_and_roll_out(replicas=2)
        assert _state(cluster) == expected, f"killed after write {deadly}"
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert deadly > 5


def _changed(server: ApiServer, *, deploy: bool = True) -> Cluster:
    """A service with an engine and a decoder, that is now to have an autoscaler and no decoder."""
    cluster = Cluster(server.admin, server.new_namespace("killed"))
    cluster.apply_service(engine={"minReplicas": 2}, decoder={})
    cluster.deploy_and_roll_out()
    cluster.apply_service(engine={"minReplicas": 2, "maxReplicas": 4})
    if deploy:
        cluster.deploy_and_roll_out()
    return cluster


def _killed(namespace: str, deadly: int) -> int:
    command = [sys.executable, "-m", "tests.serving_cluster.killed_deploy", namespace, str(deadly)]
    return subprocess.run(command, cwd=Path(__file__).parents[2], check=False, timeout=60).returncode


def _state(cluster: Cluster) -> dict[str, Any]:
    return {
        f"{kind}/{body['metadata']['name']}": {
            "labels": body["metadata"]["labels"],
            "spec": {k: v for k, v in body.get("spec", {}).items() if not k.startswith("clusterIP")},
        }
        for kind in KINDS
        for body in cluster.objects(kind)
    }
