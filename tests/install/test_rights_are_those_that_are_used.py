"""Rights against the calls that each account made on a cluster: all are allowed, and no right is without a call."""

import pytest

from pipelines.install.accounts import ACCOUNTS, Account, Rule
from tests.cluster.calls import SYSTEM, Call, recorded

CALLS = recorded()
FROM_TENANTS = {Call("ome-controller", "tenants", "", "secrets", "get")}
"""Given by a tenant, in the tenant's namespace."""
SELDOM = {
    "ome-import: patch configmaps (ome)": "two models with the same files that are imported at the same moment",
    "ome-measure: patch configmaps (ome)": "a pod that ends between keeping its report and saying so",
}
"""Rights that a run of the tests on a cluster need not have use for, with what has."""

UNSEEN = frozenset({
    "ome-import: create basemodels.ome.io (cluster)",
    "ome-import: update basemodels.ome.io (cluster)",
    "ome-import: update clusterbasemodels.ome.io (cluster)",
    "ome-cache: get basemodels.ome.io (cluster)",
    "ome-cache: get clusterbasemodels.ome.io (cluster)",
    "ome-cache: list finetunedweights.ome.io (cluster)",
    "ome-claim: list events (cluster)",
    "ome-claim: create pods (cluster)",
    "ome-claim: delete pods (cluster)",
    "ome-claim: get pods (cluster)",
    "ome-claim: get basemodels.ome.io (cluster)",
    "ome-claim: get clusterbasemodels.ome.io (cluster)",
    "ome-claim: create configmaps (ome)",
    "ome-claim: get configmaps (ome)",
    "ome-claim: patch configmaps (ome)",
    "ome-claim: create workflowtaskresults.argoproj.io (ome)",
    "ome-claim: patch workflowtaskresults.argoproj.io (ome)",
    "ome-deploy: get pods (cluster)",
    "ome-deploy: watch pods (cluster)",
    "ome-deploy: create serviceaccounts (cluster)",
    "ome-deploy: delete serviceaccounts (cluster)",
    "ome-deploy: get serviceaccounts (cluster)",
    "ome-deploy: list serviceaccounts (cluster)",
    "ome-deploy: patch serviceaccounts (cluster)",
    "ome-deploy: delete services (cluster)",
    "ome-deploy: delete deployments.apps (cluster)",
    "ome-deploy: create horizontalpodautoscalers.autoscaling (cluster)",
    "ome-deploy: delete horizontalpodautoscalers.autoscaling (cluster)",
    "ome-deploy: get horizontalpodautoscalers.autoscaling (cluster)",
    "ome-deploy: patch horizontalpodautoscalers.autoscaling (cluster)",
    "ome-deploy: get servingruntimes.ome.io (cluster)",
    "ome-deploy: delete poddisruptionbudgets.policy (cluster)",
    "ome-deploy: create rolebindings.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: delete rolebindings.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: get rolebindings.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: list rolebindings.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: patch rolebindings.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: create roles.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: delete roles.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: get roles.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: list roles.rbac.authorization.k8s.io (cluster)",
    "ome-deploy: patch roles.rbac.authorization.k8s.io (cluster)",
    "ome-measure: list basemodels.ome.io (cluster)",
    "ome-measure: list clusterbasemodels.ome.io (cluster)",
})  # fmt: skip
"""Rights whose tests on a cluster are newer than the recording, which takes them in when it is made anew."""


def rights(account: Account) -> set[tuple[str, str, str, str]]:
    """Scope, group, resource and verb of each right."""
    scopes = (("cluster", account.cluster), (SYSTEM, account.system))
    return {
        (scope, rule.group, resource, verb)
        for scope, rules in scopes
        for rule in rules
        for resource in rule.resources
        for verb in rule.verbs
    }


def right_for(account: Account, call: Call) -> tuple[str, str, str, str] | None:
    """The right by which a call is allowed; that of the system namespace before that of all."""
    found = rights(account)
    scopes = (SYSTEM, "cluster") if call.scope == SYSTEM else ("cluster",)
    wanted = ((scope, call.group, call.resource, call.verb) for scope in scopes)
    return next((right for right in wanted if right in found), None)


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_every_call_is_allowed(account: Account) -> None:
    mine = {call for call in CALLS if call.account == account.name} - FROM_TENANTS
    assert [call for call in sorted(mine) if right_for(account, call) is None] == []


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_no_right_is_without_a_call(account: Account) -> None:
    used = {right_for(account, call) for call in CALLS if call.account == account.name}
    unused = {f"{account.name}: {verb} {resource}.{group} ({scope})".replace(". (", " (")
              for scope, group, resource, verb in rights(account) - used}  # fmt: skip
    assert unused - SELDOM.keys() - UNSEEN == set()


def test_accounts_that_call_are_ours() -> None:
    assert {call.account for call in CALLS} <= {account.name for account in ACCOUNTS}


def test_a_right_that_nobody_uses_would_be_seen() -> None:
    account = Account("ome-import", "", cluster=(Rule("apps", ("deployments",), ("delete",)),))
    assert rights(account) == {("cluster", "apps", "deployments", "delete")}
    assert right_for(account, Call("ome-import", "tenants", "apps", "deployments", "delete")) is not None
    assert right_for(account, Call("ome-import", "tenants", "apps", "deployments", "create")) is None
