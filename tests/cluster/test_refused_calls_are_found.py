"""A call that was refused for want of a right is found in the audit log, unless the API server was starting then."""

import json
from pathlib import Path

import pytest

from tests.cluster.calls import FROM_TENANTS, Call, unrefused
from tests.cluster.control_plane import AUDIT_LOG, STARTS
from tests.cluster.lifecycle import LocalCluster

LEASE = Call("ome-controller", "ome", "coordination.k8s.io", "leases", "get")
BEGUN, READY = 1795462399.5, 1795462401.5  # 19:33:19.5 to 19:33:21.5


def a_cluster(folder: Path, *events: object) -> LocalCluster:
    (folder / AUDIT_LOG).write_text("".join(f"{json.dumps(event)}\n" for event in events))
    (folder / STARTS).write_text(f"{json.dumps([BEGUN, READY])}\n")
    return LocalCluster(folder)


def an_event(call: Call, second: str, decision: str) -> object:
    return {
        "verb": call.verb,
        "user": {"username": f"system:serviceaccount:ome:{call.account}"},
        "objectRef": {
            "resource": call.resource,
            "apiGroup": call.group,
            "namespace": "ome" if call.scope == "ome" else "team",
        },
        "responseStatus": {"code": 200 if decision == "allow" else 403},
        "requestReceivedTimestamp": f"2026-11-23T19:33:{second}Z",
        "annotations": {"authorization.k8s.io/decision": decision},
    }


@pytest.mark.parametrize("second", ["18.900000", "22.000000"])
def test_a_refused_call_is_named(tmp_path: Path, second: str) -> None:
    cluster = a_cluster(tmp_path, an_event(LEASE, "30.000000", "allow"), an_event(LEASE, second, "forbid"))
    with pytest.raises(AssertionError, match="resource='leases', verb='get'"):
        unrefused(cluster, {"ome-controller"})


def test_an_api_server_that_starts_may_refuse(tmp_path: Path) -> None:
    cluster = a_cluster(tmp_path, an_event(LEASE, "20.250000", "forbid"), an_event(LEASE, "30.000000", "allow"))
    assert unrefused(cluster, {"ome-controller"}) == {LEASE}


def test_a_tenant_may_refuse(tmp_path: Path) -> None:
    (secrets,) = FROM_TENANTS
    cluster = a_cluster(tmp_path, an_event(LEASE, "30.000000", "allow"), an_event(secrets, "31.000000", "forbid"))
    assert unrefused(cluster, {"ome-controller"}) == {LEASE}


def test_a_log_without_an_account_says_nothing_of_it(tmp_path: Path) -> None:
    cluster = a_cluster(tmp_path, an_event(LEASE, "30.000000", "allow"))
    with pytest.raises(AssertionError, match="misses some"):
        unrefused(cluster, {"ome-controller", "ome-import"})
