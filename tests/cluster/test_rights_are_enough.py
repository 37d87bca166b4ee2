"""What the accounts asked of the API server during all tests on the cluster: nothing was refused.

Run after all others but the one that takes everything off the cluster, which looks once more. `OME_REGENERATE=1`
records it, and `tests/install/test_rights_*.py` hold the recording against the rules. What one run asks and another
does not, as after a conflict, makes no difference here. Nor is it told that a call is no longer made: the log has
earlier runs too.
"""

import os

from tests.cluster.calls import OURS, record, unrefused
from tests.cluster.kubectl import Kubectl
from tests.cluster.lifecycle import LocalCluster


def test_no_call_is_refused(installed: Kubectl, local_cluster: LocalCluster) -> None:
    made = unrefused(local_cluster, OURS)
    if os.environ.get("OME_REGENERATE"):
        record(made, OURS)
