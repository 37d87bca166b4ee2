"""Roles and accounts that an earlier version made and this one dropped go by their label, and no others do."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipelines.install.accounts import Account, Rule, access_objects
from tests.apiserver.client import ApiClient, ApiRefusedError
from tests.crds.samples import service
from tests.install.conftest import Cluster
from tests.install.objects_there import installed, versions

_RULES = (Rule("", ("nodes",), ("list",)),)
DROPPED = access_objects((Account("ome-dropped", "What an earlier version had.", cluster=_RULES, system=_RULES),))
"""An account, its roles and their bindings, as an earlier version would have made them."""
LABELLED = {"app.kubernetes.io/part-of": "ome-pipelines"}


def _clusters(each: dict[str, Any]) -> bool:
    return str(each["kind"]).startswith("Cluster")


def _is_there(admin: ApiClient, each: dict[str, Any]) -> bool:
    try:
        return "deletionTimestamp" not in admin.get(each)["metadata"]
    except ApiRefusedError:
        return False


def _copy(each: dict[str, Any], name: str, **metadata: Any) -> dict[str, Any]:
    """The same under another name, with this metadata and no label but what that has."""
    place = {key: value for key, value in each["metadata"].items() if key == "namespace"}
    return {**each, "metadata": {**place, "name": name, **metadata}}


@pytest.fixture
def upgraded(cluster: Cluster) -> Iterator[Cluster]:
    """An installation with what an earlier version left beside it."""
    assert cluster.ome("install", "--argo", "bundled", "--no-wait").returncode == 0
    for each in DROPPED:
        cluster.admin.apply(each)
    yield cluster
    for each in DROPPED:
        cluster.admin.delete(each)


@pytest.fixture
def others(upgraded: Cluster) -> Iterator[list[dict[str, Any]]]:
    """What is not of an installation: without our label, a person's own with it, and rights of a service's router."""
    owner = upgraded.admin.create({**service(), "metadata": {"name": "chat", "namespace": "ome"}})
    owned = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "chat", "uid": owner["metadata"]["uid"]}
    made = [_copy(each, "theirs") for each in DROPPED]
    made += [
        _copy(each, "chat-router", labels=LABELLED, ownerReferences=[owned]) for each in DROPPED if not _clusters(each)
    ]
    for each in made:
        upgraded.admin.apply(each)
    yield made
    for each in [*made, owner]:
        upgraded.admin.delete(each)


def test_an_upgrade_takes_rights_in_the_whole_cluster_that_this_version_does_not_make(
    upgraded: Cluster, others: list[dict[str, Any]]
) -> None:
    persons = _copy(DROPPED[1], "persons", labels=LABELLED)
    upgraded.admin.apply(persons)
    before = versions(upgraded)
    assert len(before) == len(installed()), "the first installation deleted nothing of its own"
    planned = upgraded.ome("install", "--dry-run")
    said = {line for line in planned.stdout.splitlines() if line.startswith("left over")}
    assert said == {
        "left over from another version: ClusterRole ome-dropped to delete",
        "left over from another version: ClusterRoleBinding ome-dropped to delete",
    }
    assert all(_is_there(upgraded.admin, each) for each in DROPPED)

    done = upgraded.ome("install", "--no-wait")
    assert done.returncode == 0, done.stderr
    assert "left over from another version: ClusterRole ome-dropped deleted" in done.stdout
    assert {each["kind"] for each in DROPPED if _is_there(upgraded.admin, each)} == {
        "ServiceAccount", "Role", "RoleBinding",
    }  # fmt: skip
    assert versions(upgraded) == before, "nothing of this version goes, nor of the Argo that came with it"
    assert all(_is_there(upgraded.admin, each) for each in [*others, persons])
    upgraded.admin.delete(persons)


def test_uninstall_takes_all_that_has_our_label_and_nothing_else(
    upgraded: Cluster, others: list[dict[str, Any]]
) -> None:
    removed = upgraded.ome("uninstall", "--keep-crds")
    assert removed.returncode == 0, removed.stderr
    assert [each["kind"] for each in DROPPED if _is_there(upgraded.admin, each)] == []
    assert {name.partition(" ")[0] for name in versions(upgraded)} == {"CustomResourceDefinition", "Namespace"}
    assert all(_is_there(upgraded.admin, each) for each in others)
