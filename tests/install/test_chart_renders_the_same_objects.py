"""The Helm chart gives the objects that `ome install` applies, and its values decide the same as the options."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.install.bundle import bundle
from pipelines.install.chart import chart_files
from pipelines.install.files import REPOSITORY
from pipelines.install.object_checks import object_findings
from pipelines.install.objects import title_of
from pipelines.install.options import Argo, Options
from pipelines.install.snapshot import Snapshot
from tests.install.conftest import program

CHART = REPOSITORY / "controller" / "install" / "chart"


@pytest.fixture(scope="session")
def helm() -> str:
    """Helm, which builds from Go modules."""
    return program("helm", "python -m tests.cluster build helm")


def test_default_values_give_what_the_defaults_install(helm: str) -> None:
    assert _rendered(helm) == _installed(Options())


VALUES = (
    "argo.bundled=true", "argo.registry=mirror.example/argo", "image.registry=mirror.example/ome",
    "image.tag=t1", "image.pullPolicy=Always", "modelsRoot=/data", "controller.replicas=2",
    "settings.HF_ENDPOINT=https://hub.example", "controller.resources.limits.memory=1Gi",
)  # fmt: skip


@pytest.mark.parametrize("values", [(), VALUES], ids=["default", "chosen"])
def test_doctor_finds_all_of_it_as_installed(helm: str, values: tuple[str, ...]) -> None:
    rendered = _rendered(helm, *values)
    seen = Snapshot(
        server="https://cluster.example", version="v1.34.3", now=datetime(2026, 11, 21, 12, tzinfo=UTC),
        objects=rendered,
        settings=rendered["ConfigMap ome/ome-settings"],
        deployments=[each for each in rendered.values() if each["kind"] == "Deployment"],
        templates=[each for each in rendered.values() if each["kind"] == "WorkflowTemplate"],
    )  # fmt: skip
    found = {each.check: each.state for each in object_findings(seen)}
    assert found == dict.fromkeys(["access", "settings", "peers", *(["argo"] if values else [])], "ok")


def test_values_decide_what_options_decide(helm: str) -> None:
    options = Options(
        registry="mirror.example/ome", tag="t1", pull_policy="Always", models_root="/data", replicas=2, argo="bundled",
        argo_registry="mirror.example/argo", settings={"HF_ENDPOINT": "https://hub.example"},
        resources={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
    )  # fmt: skip
    assert _rendered(helm, *VALUES) == _installed(options)


def test_another_namespace_is_refused_with_the_remedy(helm: str) -> None:
    words = [helm, "template", "ome", str(CHART), "--kube-version=1.34", "--namespace=elsewhere"]
    refused = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode != 0
    assert "--namespace ome" in refused.stderr


def test_helm_finds_no_fault_in_the_chart(helm: str) -> None:
    words = [helm, "lint", "--namespace=ome", str(CHART)]
    linted = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("argo", ["existing", "bundled"])
def test_the_chart_brings_the_definitions_that_ome_installs(helm: str, argo: Argo) -> None:
    rendered = _rendered(helm, f"argo.bundled={str(argo == 'bundled').lower()}", options=("--include-crds",))
    wanted = [each for part in bundle(Options(argo=argo)) for each in part.objects]
    definitions = {title_of(each): each for each in wanted if each["kind"] == "CustomResourceDefinition"}
    assert {name: each for name, each in rendered.items() if name.startswith("CustomResource")} == definitions


def test_no_mark_is_left_in_what_helm_reads_as_templates() -> None:
    for name, text in chart_files().items():
        assert "⟦" not in text or name.startswith("workflow-templates/") or name.endswith("workflow-templates.yaml")


def _rendered(helm: str, *values: str, options: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    words = [helm, "template", "ome", str(Path(CHART)), "--kube-version=1.34", "--namespace=ome", *options]
    words += [f"--set={value}" for value in values]
    text = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    return {title_of(each): each for each in yaml.safe_load_all(text) if each}


def _installed(options: Options) -> dict[str, dict[str, Any]]:
    objects = [each for part in bundle(options) for each in part.objects]
    return {title_of(each): each for each in objects if each["kind"] not in ("Namespace", "CustomResourceDefinition")}
