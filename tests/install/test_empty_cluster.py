"""`ome install` and `ome doctor` on a real API server that has nothing of ours: they say so, and make nothing."""

import json
from pathlib import Path

import yaml

from tests.command.run_ome import ome
from tests.install.conftest import Cluster
from tests.install.objects_there import versions


def test_a_dry_run_says_what_would_be_done_and_does_nothing(cluster: Cluster) -> None:
    planned = cluster.ome("install", "--argo", "bundled", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "create  CustomResourceDefinition clusterbasemodels.ome.io" in planned.stdout
    assert "create  Deployment ome/ome-controller" in planned.stdout
    assert not versions(cluster)


def test_a_cluster_without_argo_is_told_before_anything_is_made(cluster: Cluster) -> None:
    refused = cluster.ome("install", "--no-wait")
    assert refused.returncode == 15
    assert "no Argo Workflows" in refused.stderr and "--argo bundled" in refused.stderr
    assert not versions(cluster)


def test_a_setting_that_nothing_reads_is_refused(cluster: Cluster) -> None:
    refused = cluster.ome("install", "--dry-run", "--set", "HF_ENDPONT=https://hub.example")
    assert refused.returncode == 16
    assert "HF_ENDPONT" in refused.stderr and "HF_ENDPOINT" in refused.stderr


def test_a_models_root_that_is_no_folder_is_refused(cluster: Cluster) -> None:
    for root in ("models", "/", "/mnt/../etc"):
        refused = cluster.ome("install", "--dry-run", "--models-root", root)
        assert refused.returncode == 16
        assert f'"{root}"' in refused.stderr


def test_doctor_names_what_is_missing_each_with_its_remedy(cluster: Cluster) -> None:
    told = cluster.ome("doctor", "-o", "json")
    assert told.returncode == 21
    found = json.loads(told.stdout)
    assert {each["check"] for each in found if each["state"] == "error"} == {
        "definitions", "access", "settings", "peers", "argo definitions", "workflow templates", "controller",
    }  # fmt: skip
    assert all(each["remedy"] for each in found if each["state"] != "ok")


def test_uninstall_of_nothing_says_so(cluster: Cluster) -> None:
    removed = cluster.ome("uninstall")
    assert removed.returncode == 0
    assert "definitions: none were there" in removed.stdout


def test_a_list_of_a_kind_that_is_not_installed_says_how_to_get_it(cluster: Cluster) -> None:
    told = cluster.ome("get", "models")
    assert told.returncode == 11
    assert "does not know the kind" in told.stderr and "`ome install`" in told.stderr


def test_credentials_that_the_cluster_does_not_accept_are_told_as_the_persons(
    tmp_path: Path, cluster: Cluster
) -> None:
    config = yaml.safe_load(cluster.server.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": "nobody's"}}]
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    told = ome("get", "models", "--kubeconfig", str(tmp_path / "config"))
    assert told.returncode == 10
    assert "KUBECONFIG" in told.stderr and "service account" not in told.stderr


def test_an_unreachable_cluster_is_an_error_with_a_remedy(tmp_path: Path, cluster: Cluster) -> None:
    text = cluster.server.kubeconfig.read_text().replace(cluster.server.url, "https://127.0.0.1:1")
    (tmp_path / "config").write_text(text)
    told = ome("doctor", "--kubeconfig", str(tmp_path / "config"))
    assert told.returncode == 21
    assert "https://127.0.0.1:1" in told.stderr and "Traceback" not in told.stderr


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = ome("install", "--kubeconfig", str(tmp_path / "nowhere"))
    assert told.returncode == 16
    assert "nowhere is not a file" in told.stderr
