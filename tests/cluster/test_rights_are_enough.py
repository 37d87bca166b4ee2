"""What the accounts asked of the API server during all tests on the cluster: nothing was refused.

Run last. `OME_REGENERATE=1` records it, and `tests/install/test_rights_are_those_that_are_used.py` holds the recording
against the rules. What one run asks and another does not, as after a conflict, makes no difference here.
"""

import os

from pipelines.install.accounts import ACCOUNTS
from tests.cluster.calls import Call, audited, record
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster

ON_PURPOSE = {Call("ome-controller", "tenants", "", "secrets", "get")}
"""A tenant has to allow it first; a test is about that."""


def test_no_call_is_refused(installed: Kubectl, local_cluster: LocalCluster) -> None:
    made, refused = audited(local_cluster.audit_log)
    assert refused <= ON_PURPOSE
    assert {call.account for call in made} >= {account.name for account in ACCOUNTS}, "the log misses some"
    if os.environ.get("OME_REGENERATE"):
        record(made)
