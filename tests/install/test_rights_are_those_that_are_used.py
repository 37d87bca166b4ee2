"""Rights against the calls that each account made on a cluster: no right is without a call. Sets, and no server."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from pipelines.install.accounts import ACCOUNTS, Account, Rule
from tests.cluster.calls import BUNDLED, OURS, SYSTEM, Call, recorded

CALLS = recorded()
SELDOM = {
    "ome-import: patch configmaps (ome)": "two models with the same files that are imported at the same moment",
    "ome-claim: get configmaps (ome)": "a claim that is read again and has the same files",
    "ome-claim: patch configmaps (ome)": "the same",
    "ome-measure: patch configmaps (ome)": "a benchmark of more than two cells, each of which is kept",
}
"""Rights that a run of the tests on a cluster need not have use for, with what has."""
_TO_GIVE = "a router's role has it, as well as `list`: the API server lets nobody give a right that they do not hold"
_TO_OWN = "OwnerReferencesPermissionEnforcement lets only those who may delete an object add an owner to it"
HELD = {
    "ome-deploy: get pods (cluster)": _TO_GIVE,
    "ome-deploy: watch pods (cluster)": _TO_GIVE,
    "ome-import: delete configmaps (ome)": _TO_OWN,
    "ome-claim: delete configmaps (ome)": _TO_OWN,
}
"""Rights that are only looked for by the API server, with why."""
ALIKE = {"clusterbasemodels": "basemodels", "clusterservingruntimes": "servingruntimes"}
"""Kinds of the whole cluster, and the same of a namespace: one code reads and writes both."""


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


def unused_rights(account: Account, calls: Collection[Call]) -> set[str]:
    """The rights that none of the calls needs, each in words."""
    mine = {call for call in calls if call.account == account.name}
    used = {right_for(account, call) for call in mine | {twin for call in mine for twin in twins(call)}}
    return {f"{account.name}: {verb} {resource}.{group} ({scope})".replace(". (", " (")
            for scope, group, resource, verb in rights(account) - used}  # fmt: skip


def twins(call: Call) -> list[Call]:
    """The same call for the kind that is read and written alike."""
    other = ALIKE | {namespaced: whole for whole, namespaced in ALIKE.items()}
    return [replace(call, resource=other[call.resource], scope="cluster")] if call.resource in other else []


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
def test_no_right_is_without_a_call(account: Account) -> None:
    assert unused_rights(account, CALLS) - SELDOM.keys() - HELD.keys() == set()


def test_accounts_that_call_are_of_an_installation() -> None:
    assert {call.account for call in CALLS} <= OURS | BUNDLED


def test_a_right_that_nobody_uses_would_be_seen() -> None:
    known = next(account for account in ACCOUNTS if account.name == "ome-import")
    more = replace(known, cluster=(*known.cluster, Rule("apps", ("deployments",), ("delete", "get"))))
    told = unused_rights(more, {*CALLS, Call("ome-import", "tenants", "apps", "deployments", "get")})
    assert told - SELDOM.keys() - HELD.keys() == {"ome-import: delete deployments.apps (cluster)"}


def test_a_right_everywhere_is_unused_where_the_one_for_the_own_namespace_does() -> None:
    both = Account("a", "", cluster=(Rule("", ("pods",), ("get",)),), system=(Rule("", ("pods",), ("get",)),))
    assert unused_rights(both, {Call("a", SYSTEM, "", "pods", "get")}) == {"a: get pods (cluster)"}
