"""The checked-in folders are what the code makes, and kubectl reads from them what `ome install` applies."""

import os
import subprocess
from typing import Any

import pytest
import yaml

from pipelines.install.bundle import bundle
from pipelines.install.files import REPOSITORY, differing, write
from pipelines.install.objects import title_of
from pipelines.install.options import Argo, Options
from tests.install.conftest import kubectl_program

CLUSTER_SCOPED = {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def test_what_is_checked_in_is_what_the_code_makes() -> None:
    if os.environ.get("OME_REGENERATE"):
        write(REPOSITORY)
    assert differing(REPOSITORY) == [], "run `python -m pipelines.install`"


@pytest.mark.parametrize("argo", ["existing", "bundled"])
def test_kubectl_reads_from_one_folder_what_ome_installs(argo: Argo) -> None:
    folder = {"existing": "existing-argo", "bundled": "with-argo"}[argo]
    command = [kubectl_program(), "kustomize", str(REPOSITORY / "controller" / "install" / folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert _by_name(list(yaml.safe_load_all(text))) == _by_name(_installed(Options(argo=argo)))


@pytest.mark.parametrize("argo", ["existing", "bundled"])
def test_every_object_says_whose_it_is_and_stays_in_the_namespace(argo: Argo) -> None:
    for each in _installed(Options(argo=argo)):
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "ome-pipelines"
        expected = None if each["kind"] in CLUSTER_SCOPED else "ome"
        assert each["metadata"].get("namespace") == expected, each["metadata"]["name"]


def test_every_pod_is_confined() -> None:
    deployments = [each for each in _installed(Options(argo="bundled")) if each["kind"] == "Deployment"]
    assert {each["metadata"]["name"] for each in deployments} == {
        "ome-controller", "workflow-controller", "argo-server",
    }  # fmt: skip
    for each in deployments:
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert container["command"], "a registry is not asked for an image's entry point"


def test_options_reach_every_image_and_the_models_root() -> None:
    options = Options(registry="mirror.example/ome", tag="t1", models_root="/data/models", pull_policy="Always")
    templates = [each for each in _installed(options) if each["kind"] == "WorkflowTemplate"]
    scripts = [s for t in templates for s in t["spec"]["templates"] if "script" in s]
    assert {s["script"]["image"] for s in scripts} == {
        "mirror.example/ome/ome-steps:t1", "mirror.example/ome/ome-benchmark:t1",
    }  # fmt: skip
    assert {s["script"]["imagePullPolicy"] for s in scripts} == {"Always"}
    text = yaml.safe_dump(templates)
    assert "/data/models" in text
    places = [m["mountPath"] for s in scripts for m in s["script"]["volumeMounts"]]
    places += [v["hostPath"]["path"] for s in scripts for v in s.get("volumes", ()) if "hostPath" in v]
    assert set(places) == {"/tmp", "/run/ome/credentials", "/data/models"}
    settings = next(each for each in _installed(options) if each["metadata"]["name"] == "ome-settings")
    assert settings["data"]["OME_MODELS_ROOT"] == "/data/models"


def test_another_models_root_starts_the_controller_anew_and_another_mirror_does_not() -> None:
    plain, moved, mirrored = (
        next(each["spec"]["template"] for each in _installed(options) if each["kind"] == "Deployment")
        for options in (
            Options(),
            Options(models_root="/data"),
            Options(settings={"HF_ENDPOINT": "https://hub.example"}),
        )
    )
    assert plain != moved
    assert plain == mirrored, "only steps read it, each when its pod starts"


def _installed(options: Options) -> list[dict[str, Any]]:
    return [each for part in bundle(options) for each in part.objects]


def _by_name(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {title_of(each): each for each in objects}
