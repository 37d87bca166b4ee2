"""What the accounts asked of the API server during all tests on the cluster: nothing was refused, and it is recorded.

Run last. `tests/install/test_rights_are_those_that_are_used.py` holds the recording against the rules.
"""

import os

from pipelines.install.accounts import ACCOUNTS
from tests.cluster.calls import Call, audited, record, recorded
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster

ON_PURPOSE = {Call("ome-controller", "tenants", "", "secrets", "get")}
"""A tenant has to allow it first; a test is about that."""


def test_no_call_is_refused_and_every_call_is_recorded(installed: Kubectl, local_cluster: LocalCluster) -> None:
    made, refused = audited(local_cluster.audit_log)
    assert refused <= ON_PURPOSE
    assert {call.account for call in made} >= {account.name for account in ACCOUNTS}, "the log misses some"
    if os.environ.get("OME_REGENERATE"):
        record(made)
    assert made <= recorded(), "after an intended change: OME_REGENERATE=1 make test-cluster"
