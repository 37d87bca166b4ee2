"""`ome cache` as a person types it: tables, data, exit codes, and errors that say what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipelines.command.age import format_age, parse_age
from steps.cache import import_model
from steps.errors import InvalidInputError
from steps.manifest_store import save_manifest
from tests.command.run_ome import ome
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub, running_hub
from tests.hub.server import HubOptions
from tests.importing.damage import damage
from tests.importing.models import noise, resolve, without_capabilities

FILES = {"config.json": b"{}", "model.safetensors": noise(2_000_000, 1)}
LONG_AGO = 1_000_000_000
RESERVING = {"models.ome/reserve-model-artifact": "true"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    """A hub with a model, which is imported as `one` and `two`."""
    (tmp_path / "hub").mkdir()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("OME_MODELS_ROOT", str(tmp_path / "models"))
    monkeypatch.setenv("OME_DISK_RESERVE", "1Mi")
    with running_hub(HubOptions(tmp_path / "hub")) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        running.add("acme/model", FILES)
        manifest = resolve("hf://acme/model")
        save_manifest(manifest)
        for name in ("one", "two"):
            import_model(manifest, name)
        yield running


@pytest.fixture
def models(hub: RunningHub, tmp_path: Path) -> Path:
    """The models root."""
    return tmp_path / "models"


def labelled(name: str, path: str, marks: dict[str, str]) -> str:
    """A model with its files there, as YAML."""
    metadata = {"name": name, "labels": marks}
    spec = {"storage": {"storageUri": "hf://acme/model", "path": path}}
    body = {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel", "metadata": metadata, "spec": spec}
    text: str = yaml.safe_dump(body)
    return text


def test_the_list_and_the_sum_say_what_is_there(models: Path) -> None:
    listed = ome("cache", "list")
    assert listed.returncode == 0, listed.stderr
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert rows[0] == ["MODEL", "REVISION", "FILES", "SIZE", "SHARED", "USED", "NEEDED", "STATE"]
    assert [(row[0], row[2:5], row[-2:]) for row in rows[1:]] == [
        (name, ["2", "2.0", "MB"], ["no", "ready"]) for name in ("one", "two")
    ]
    data = json.loads(ome("cache", "list", "--output", "json").stdout)
    assert [model["model"] for model in data["models"]] == ["ClusterBaseModel/one", "ClusterBaseModel/two"]
    assert len(data["models"][0]["revision"]) == 40 and data["imports"] == []
    summed = ome("cache", "du")
    assert "shared by several models  2.0 MB" in summed.stdout
    assert "reserve  1.0 MB" in summed.stdout
    usage = yaml.safe_load(ome("cache", "du", "-o", "yaml").stdout)
    assert usage["sharedBytes"] >= 2_000_000 and usage["root"] == str(models)


def test_an_empty_root_says_how_to_fill_it(tmp_path: Path) -> None:
    assert "`ome import hf://organisation/name` brings one" in ome("cache", "list").stdout
    assert ome("cache", "verify").stdout == "0 models, 0 files, 0 B hashed: all sound\n"
    assert ome("cache", "prune").stdout == "Nothing to remove.\n"


def test_damage_is_named_with_exit_code_22_and_repaired(models: Path) -> None:
    assert ome("cache", "verify").returncode == 0
    damage(models / "one/model.safetensors")
    found = ome("cache", "verify", "one")
    assert found.returncode == 22
    assert str(models / "two/model.safetensors") in found.stdout, "which shares the file"
    assert "error (damaged): the cache is not sound: 2 damaged; the first is" in found.stderr
    assert "`ome cache verify --repair`" in found.stderr
    data = json.loads(ome("cache", "verify", "-o", "json").stdout)
    assert [fault["kind"] for fault in data["faults"]] == ["damaged", "damaged"]
    assert data["faults"][0]["expected"] != data["faults"][0]["found"]
    repaired = ome("cache", "verify", "--repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "damaged, mended" in repaired.stdout and "2 files mended, 2.0 MB fetched" in repaired.stdout
    assert (models / "one/model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert ome("cache", "verify").returncode == 0


def test_a_repair_without_its_source_fails_with_the_sources_class(hub: RunningHub, models: Path) -> None:
    damage(models / "one/model.safetensors")
    hub.set_faults(Fault("status", path="acme/model/model.safetensors", status=404, times=0))
    failed = ome("cache", "verify", "--repair")
    assert failed.returncode == 11
    assert "model.safetensors" in failed.stderr and "Traceback" not in failed.stderr


def test_foreign_files_stay_and_keep_the_cache_from_being_called_sound(models: Path) -> None:
    (models / "one/mine.txt").write_text("mine")
    found = ome("cache", "verify", "--repair")
    assert found.returncode == 22
    assert "1 foreign" in found.stderr and "Move foreign files away" in found.stderr
    assert (models / "one/mine.txt").read_text() == "mine"


def test_pruning_says_first_what_it_does_then(models: Path) -> None:
    os.utime(models / "one/.ome-model.json", (LONG_AGO, LONG_AGO))
    told = ome("cache", "prune", "--models", "--dry-run")
    assert (models / "one").is_dir()
    assert "WOULD GO" in told.stdout and str(models / "one") in told.stdout and "would be freed" in told.stdout
    assert "two stays: it was used lately" in told.stdout
    done = ome("cache", "prune", "--models", "--output", "json")
    assert [removal["path"] for removal in json.loads(done.stdout)["removals"]] == [str(models / "one")]
    assert sorted(path.name for path in models.iterdir()) == [".ome", "two"]


@pytest.mark.parametrize("place", ["/nowhere/one", "/usr"])
def test_a_model_with_the_label_and_a_folder_of_another_machine_can_be_deleted(models: Path, place: str) -> None:
    assert ome("apply", "-f", "-", stdin=labelled("three", place, RESERVING)).returncode == 0
    deleted = ome("delete", "model", "three")
    assert deleted.returncode == 0, deleted.stderr
    assert ("its files stay" in deleted.stdout) == Path(place).is_dir()
    assert "three" not in ome("get", "models").stdout


def test_a_model_with_the_label_is_deleted_and_its_files_are_reserved(models: Path) -> None:
    for name, marks in (("one", RESERVING), ("two", {})):
        assert ome("apply", "-f", "-", stdin=labelled(name, str(models / name), marks)).returncode == 0
        deleted = ome("delete", "model", name)
        assert deleted.returncode == 0, deleted.stderr
        assert ("its files stay" in deleted.stdout) == (name == "one")
    assert sorted(path.name for path in models.iterdir()) == [".ome", "one"]
    (row,) = ome("cache", "list").stdout.splitlines()[1:]
    assert row.split()[-2:] == ["reserved", "ready"]
    os.utime(models / "one/.ome-model.json", (LONG_AGO, LONG_AGO))
    assert "one stays: it is reserved" in ome("cache", "prune", "--models").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("verify", "nobody"), 11, 'model "nobody" is not under the models root'),
        (("prune", "--older-than", "soon"), 16, '--older-than: "soon" is not a length of time'),
        (("list", "--output", "xml"), 2, "xml"),
    ],
)
def test_what_is_typed_wrong_is_told(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = ome("cache", *arguments)
    assert result.returncode == code
    assert message in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("30min", 1800), ("12h", 43200), ("7 d", 604800), ("1.5d", 129600), ("0d", 0)]
)
def test_lengths_of_time_as_they_are_typed(text: str, seconds: float) -> None:
    assert parse_age("--older-than", text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7m", "7d 2h", "infd", "1e9d"])
def test_other_lengths_of_time_are_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(InvalidInputError, match="--older-than") as caught:
        parse_age("--older-than", text)
    assert "12h" in caught.value.remedy


def test_ages_in_the_largest_unit_that_fits() -> None:
    assert [format_age(s) for s in (-3, 0, 59, 60, 3599, 7200, 86400 * 12)] == [
        "0 s", "0 s", "59 s", "1 min", "59 min", "2 h", "12 d",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["list", "du", "verify", "prune"])
@pytest.mark.parametrize("mode", [0o000, 0o400], ids=["closed", "names only"])
def test_a_folder_that_may_not_be_read_is_told_and_passed_over(models: Path, command: str, mode: int) -> None:
    barred = models / "team" / "lost+found"
    barred.mkdir(parents=True)
    (barred / "file").touch()
    barred.chmod(mode)
    arguments = [sys.executable, "-m", "pipelines.command", "cache", command]
    try:
        done = subprocess.run(without_capabilities(arguments), capture_output=True, text=True)
    finally:
        barred.chmod(0o700)
    assert done.returncode == 0, done.stderr
    told = f"{barred} is passed over: it cannot be looked into (Permission denied)\n"
    assert done.stderr.count(told) == 1, done.stderr
    expected = {"list": "two", "du": "shared by several models", "verify": "all sound", "prune": "Nothing to remove"}
    assert expected[command] in done.stdout
