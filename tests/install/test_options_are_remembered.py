"""What was given at first goes on with a plain `ome install`, which is what remedies say, however it was installed."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.install.bundle import bundle
from pipelines.install.installed_options import Live, kept, options_of
from pipelines.install.options import Given, Options
from tests.install.conftest import Cluster
from tests.install.objects_there import config_map, problems, versions

CHOSEN = Options(
    registry="mirror.example:5000/ome", tag="t1", pull_policy="Always", models_root="/data", replicas=2,
    argo="bundled", argo_registry="mirror.example/argo", settings={"HF_ENDPOINT": "https://hub.example"},
    resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
)  # fmt: skip
GIVEN = (
    "--argo", "bundled", "--image-registry", "mirror.example/ome", "--image-tag", "t1", "--models-root", "/data",
    "--argo-registry", "mirror.example/argo", "--set", "HF_ENDPOINT=https://hub.example",
)  # fmt: skip


def live(options: Options) -> Live:
    """The objects of an installation with these options."""
    objects = {(each["kind"], each["metadata"]["name"]): each for part in bundle(options) for each in part.objects}
    return Live(
        settings=objects[("ConfigMap", "ome-settings")],
        controller=objects[("Deployment", "ome-controller")],
        argo=objects.get(("Deployment", "workflow-controller")),
        template=objects[("WorkflowTemplate", "ome-steps")],
    )


@pytest.mark.parametrize("options", [Options(), Options(argo="bundled"), CHOSEN])
def test_options_are_read_from_the_objects_that_they_make(options: Options) -> None:
    assert options_of(live(options)) == options


def test_the_models_root_outlives_the_settings() -> None:
    assert options_of(replace(live(CHOSEN), settings=None)) == replace(CHOSEN, settings={})


def test_where_nothing_is_installed_the_defaults_are_taken() -> None:
    assert options_of(Live()) == Options()


def test_an_argo_of_the_users_own_in_the_namespace_is_not_bundled() -> None:
    found = live(CHOSEN)
    assert found.argo is not None
    theirs: dict[str, Any] = {**found.argo, "metadata": {"name": "workflow-controller", "namespace": "ome"}}
    assert options_of(replace(found, argo=theirs)).argo == "existing"


def test_an_upgrade_takes_the_new_versions_images_from_the_same_place() -> None:
    found = live(CHOSEN)
    older: dict[str, Any] = {"metadata": {"labels": {"app.kubernetes.io/version": "0.0.1"}}}
    assert options_of(replace(found, template=older)) == replace(CHOSEN, tag=Options().tag)
    assert options_of(replace(found, template=None)) == CHOSEN


def test_an_image_that_no_option_makes_gives_no_option() -> None:
    found = live(CHOSEN)
    assert found.controller is not None
    found.controller["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example/other@sha256:0123"
    options = options_of(found)
    assert (options.registry, options.tag) == (Options().registry, Options().tag)


def test_what_is_given_goes_before_what_is_there() -> None:
    given = Given(models_root="/mnt/other", argo="existing", settings={"HF_ENDPOINT": "", "NO_PROXY": ".local"})
    options = given.over(CHOSEN)
    assert options == replace(CHOSEN, models_root="/mnt/other", argo="existing", settings={"NO_PROXY": ".local"})


def test_kept_settings_are_named_without_their_values() -> None:
    before = replace(CHOSEN, settings={"HTTPS_PROXY": "http://user:secret@proxy.example"})
    said = kept(before, Given(models_root="/mnt/other").over(before))
    assert "image registry mirror.example:5000/ome" in said and "HTTPS_PROXY" in said
    assert "secret" not in str(said) and "models root" not in str(said)


def test_a_plain_install_changes_nothing_and_says_what_it_keeps(cluster: Cluster) -> None:
    assert cluster.ome("install", "--no-wait", *GIVEN).returncode == 0
    before = versions(cluster)
    again = cluster.ome("install", "--no-wait")
    assert again.returncode == 0, again.stderr
    assert versions(cluster) == before
    assert (
        "kept from the installation: image registry mirror.example/ome, image tag t1, models root /data, "
        "Argo bundled, registry of Argo's images mirror.example/argo, HF_ENDPOINT\n"
    ) in again.stdout
    taken = cluster.ome("install", "--no-wait", "--set", "HF_ENDPOINT=")
    assert taken.returncode == 0, taken.stderr
    assert cluster.admin.get(config_map("ome-settings"))["data"] == {"OME_MODELS_ROOT": "/data"}


def test_the_models_root_is_no_setting_of_its_own(cluster: Cluster) -> None:
    refused = cluster.ome("install", "--dry-run", "--set", "OME_MODELS_ROOT=/data")
    assert refused.returncode == 16
    assert "--models-root" in refused.stderr


def test_doctor_misses_settings_that_are_gone_and_the_models_root_comes_back(cluster: Cluster) -> None:
    given = ("--argo", "bundled", "--models-root", "/data", "--set", "HF_ENDPOINT=https://hub.example")
    assert cluster.ome("install", "--no-wait", *given).returncode == 0
    assert problems(cluster) == []
    cluster.admin.patch(config_map("ome-settings"), {"data": {"OME_MODELS_ROOT": "/mnt/models"}})
    (moved,) = problems(cluster)
    assert "has OME_MODELS_ROOT /mnt/models, and /data was installed" in moved.detail
    assert "`ome install --models-root /data`" in moved.remedy
    cluster.admin.delete(config_map("ome-settings"))
    (missed,) = problems(cluster)
    assert missed.detail == "not there: ConfigMap ome/ome-settings" and "--set" in missed.remedy
    assert cluster.ome("install", "--no-wait").returncode == 0
    assert problems(cluster) == []
    assert cluster.admin.get(config_map("ome-settings"))["data"] == {"OME_MODELS_ROOT": "/data"}
