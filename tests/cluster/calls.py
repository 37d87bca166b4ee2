"""What our accounts and those of a bundled Argo ask of the API server, as its audit log has it, and as it is kept.

`tests/install` holds the rights to what is kept.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from pipelines.install import argo
from pipelines.install.accounts import ACCOUNTS
from tests.cluster.lifecycle import LocalCluster

RECORDING = Path(__file__).parents[1] / "install" / "recorded_calls.yaml"
SYSTEM = "ome"
OURS = frozenset(account.name for account in ACCOUNTS)
BUNDLED = frozenset({argo.CONTROLLER, argo.SERVER})
"""The accounts of an installation, and those that a bundled Argo has beside them."""
_CREATED = 201
_DECISION = "authorization.k8s.io/decision"
"""Annotation of an audited call; what is refused for another reason, as in a namespace that goes, is allowed here."""


@dataclass(frozen=True, order=True)
class Call:
    """A kind of call.

    Attributes:
        account: The service account.
        scope: `ome` for that namespace, `tenants` for any other, `cluster` for what has none or for all of them.
        group: The API group, "" for the core.
        resource: In the plural, with `/` and its subresource.
        verb: As RBAC names it.
    """

    account: str
    scope: str
    group: str
    resource: str
    verb: str


FROM_TENANTS = frozenset({Call("ome-controller", "tenants", "", "secrets", "get")})
"""What no rule of ours allows: a tenant gives it, in the tenant's namespace."""


def audited(cluster: LocalCluster) -> tuple[set[Call], set[Call]]:
    """The calls of a cluster's audit log, and those among them that were refused for want of a right.

    An API server that starts has not read the roles yet: until it is ready, it refuses those whom it will allow.
    """
    starts = cluster.api_server_starts
    made, refused = set(), set()
    with cluster.audit_log.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            code = (event.get("responseStatus") or {}).get("code")
            for verb in (
                (event["verb"], "create") if code == _CREATED and event["verb"] == "patch" else (event["verb"],)
            ):
                made.add(_call(event, verb))
            at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
            known = not any(begun <= at <= ready for begun, ready in starts)
            if known and (event.get("annotations") or {}).get(_DECISION) == "forbid":
                refused.add(_call(event, event["verb"]))
    return made - refused, refused


def unrefused(cluster: LocalCluster, accounts: Collection[str]) -> set[Call]:
    """The calls of a cluster's audit log, in which each of these accounts has called, and none was refused.

    A tenant who has not allowed it yet may refuse: tests are about that.
    """
    made, refused = audited(cluster)
    assert refused <= FROM_TENANTS, refused - FROM_TENANTS
    assert {call.account for call in made} >= set(accounts), "the log misses some"
    return made


def recorded() -> set[Call]:
    """The calls that are kept."""
    found: dict[str, dict[str, dict[str, list[str]]]] = yaml.safe_load(RECORDING.read_text())
    return {
        Call(account, scope, named.partition(".")[2], named.partition(".")[0], verb)
        for account, scopes in found.items()
        for scope, resources in scopes.items()
        for named, verbs in resources.items()
        for verb in verbs
    }


def record(calls: Iterable[Call], accounts: Collection[str]) -> None:
    """Keep the calls of these accounts, in the place of those that were kept of them; what others did stays."""
    of = {call for call in calls if call.account in accounts}
    others = {call for call in recorded() if call.account not in accounts}
    kept: dict[str, dict[str, dict[str, list[str]]]] = {}
    for call in sorted(of | others):
        named = f"{call.resource}.{call.group}".rstrip(".")
        kept.setdefault(call.account, {}).setdefault(call.scope, {}).setdefault(named, []).append(call.verb)
    note = "# What our accounts ask of an API server in the tests on a cluster. Written by\n"
    note += "# `OME_REGENERATE=1 make test-cluster`; `tests/install` holds the accounts' rights to it.\n"
    RECORDING.write_text(note + yaml.safe_dump(kept, default_flow_style=None, width=119))


def _call(event: dict[str, Any], verb: str) -> Call:
    about = event.get("objectRef") or {}
    namespace, subresource = about.get("namespace", ""), about.get("subresource", "")
    return Call(
        account=event["user"]["username"].rpartition(":")[2],
        scope=SYSTEM if namespace == SYSTEM else "tenants" if namespace else "cluster",
        group=about.get("apiGroup", ""),
        resource=about.get("resource", "") + (f"/{subresource}" if subresource else ""),
        verb=verb,
    )
