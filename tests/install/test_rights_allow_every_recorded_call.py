"""Every call that an account made on a cluster is put before a real API server that has our roles and bindings."""

import time
from collections.abc import Iterable

import pytest

from tests.cluster.calls import BUNDLED, FROM_TENANTS, OURS, SYSTEM, Call, recorded
from tests.install.conftest import Cluster

TENANT = "team"
_PATIENCE_SECONDS = 10


@pytest.mark.parametrize("account", sorted(OURS | BUNDLED))
def test_every_call_is_allowed_but_what_a_tenant_has_to_give(installation: Cluster, account: str) -> None:
    mine = {call for call in recorded() if call.account == account}
    assert mine, "nothing is recorded of this account"
    assert refused(installation, mine) == mine & FROM_TENANTS


def test_a_call_without_a_right_would_be_seen(installation: Cluster) -> None:
    call = Call("ome-measure", SYSTEM, "apps", "deployments", "delete")
    assert not is_allowed(installation, call)


def refused(installation: Cluster, calls: Iterable[Call]) -> set[Call]:
    """The calls that are still refused once the API server has taken notice of all roles and bindings."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    left = set(calls)
    while left - FROM_TENANTS and time.monotonic() < deadline:
        left = {call for call in left if not is_allowed(installation, call)}
    return {call for call in left if not is_allowed(installation, call)}


def is_allowed(installation: Cluster, call: Call) -> bool:
    """What the API server says of a call: a SubjectAccessReview."""
    resource, _, subresource = call.resource.partition("/")
    namespace = {"cluster": "", SYSTEM: SYSTEM}.get(call.scope, TENANT)
    asked = {"verb": call.verb, "group": call.group, "resource": resource, "subresource": subresource}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{SYSTEM}:{call.account}",
            "groups": ["system:authenticated"],  # who may ask what they may do, as Argo does
            "resourceAttributes": {**asked, "namespace": namespace},
        },
    }
    answer = installation.admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])
