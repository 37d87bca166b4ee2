"""A ring that cannot run says so with what is missing and the command that gets it."""

from pathlib import Path

import pytest

from steps.errors import DiskFullError, InvalidInputError, OmeError, UnsupportedError
from tests.cluster import cgroups, machine, ring
from tests.cluster.workflow_outcome import entry_outputs, step_outcomes

ARCHIVE = Path("/x/image.tar")


def test_missing_programs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match="containerd, runc, ip, nft") as caught:
        machine.check_programs()
    assert "make cluster-install" in caught.value.remedy


def test_a_disk_without_room_is_told_with_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_DISK_RESERVE", "1000Ti")
    told = r"free; the test cluster needs 8\.0 GiB beside the 1024000\.0 GiB"
    with pytest.raises(DiskFullError, match=told) as caught:
        machine.check_room(tmp_path / "not" / "yet")
    assert "OME_CACHE" in caught.value.remedy


def test_control_groups_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="neither control groups version 2 nor"):
        cgroups.check_cgroups(tmp_path)


@pytest.mark.parametrize(
    ("template", "context", "command"),
    [
        ("", "kind-mine", "kind load image-archive /x/image.tar --name mine"),
        ("", "k3d-mine", "k3d image import /x/image.tar --cluster mine"),
        ("", "minikube", "minikube image load /x/image.tar"),
        ("sudo k3s ctr images import {}", "kind-mine", "sudo k3s ctr images import /x/image.tar"),
    ],
)
def test_images_are_given_to_users_clusters(template: str, context: str, command: str) -> None:
    assert ring.load_command(template, context, ARCHIVE) == command.split()


def test_an_unknown_kind_of_cluster_says_how_to_name_the_command() -> None:
    with pytest.raises(InvalidInputError, match='"production"') as caught:
        ring.load_command("", "production", ARCHIVE)
    assert ring.LOAD_COMMAND_VARIABLE in caught.value.remedy


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("apiVersion: v1\nkind: Config\n")
    (tmp_path / "kubectl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(OmeError, match=r"KUBECONFIG=.* does not answer"):
        ring.find_cluster()


def test_argos_nodes_are_named_as_the_local_record_names_steps() -> None:
    places = {
        "w.inner[0].first": "inner/first", "w.each(1:two)": "each(1)", "w.good.onExit": "good.onExit",
        "w.onExit.say": "onExit/say", "w.each(0:node:a,zone:1)": "each(0)",
    }  # fmt: skip
    nodes = {name: {"name": name, "type": "Pod", "phase": "Succeeded"} for name in places}
    workflow = {"metadata": {"name": "w"}, "spec": {"entrypoint": "main"}, "status": {"nodes": nodes}}
    assert list(step_outcomes(workflow)) == [*dict.fromkeys(places.values())]
    assert entry_outputs(workflow) == {}
