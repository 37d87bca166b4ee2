"""`ome cache prune`: what goes frees what it says, and what anything needs stays; a dry run says the same."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.cache import import_model, models_root, reserve_model
from steps.cache.locks import exclusive
from steps.cache.pruning import Pruning, plan_pruning, prune
from steps.cache.store import ObjectStore
from steps.errors import NetworkError
from steps.model_owner import model_owner
from steps.resources import ResourceFolder
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, fetch, noise, resolve
from tests.importing.surveys import DAY, NOW, Draft, drafts

WEIGHTS = noise(3_000_000, 1)
LONG_AGO = 1_000_000_000


def names_left(draft: Draft, plan: Pruning) -> dict[tuple[int, int], int]:
    """How many names each file has once a plan was carried out."""
    gone = [path for removal in plan.removals for path in (removal.path, *removal.objects)]
    return {
        key: draft.elsewhere[key] + sum(not any(name.is_relative_to(path) for path in gone) for name in names)
        for key, names in draft.names.items()
    }


@given(draft=drafts(), older_than=st.sampled_from([0.0, DAY, 7 * DAY]), with_models=st.booleans())
def test_a_plan_frees_what_it_says(draft: Draft, older_than: float, with_models: bool) -> None:
    plan = plan_pruning(draft.survey(), NOW, older_than, with_models=with_models)
    freed = [draft.sizes[key] for key, left in names_left(draft, plan).items() if left == 0]
    assert plan.freed_bytes == sum(freed)
    paths = [path for removal in plan.removals for path in (removal.path, *removal.objects)]
    assert len(paths) == len(set(paths))


@given(draft=drafts(), older_than=st.sampled_from([0.0, DAY, 7 * DAY]), with_models=st.booleans())
def test_nothing_goes_that_anything_needs(draft: Draft, older_than: float, with_models: bool) -> None:
    survey = draft.survey()
    plan = plan_pruning(survey, NOW, older_than, with_models=with_models)
    gone = {path for removal in plan.removals for path in (removal.path, *removal.objects)}
    left = [model for model in draft.models if model.path not in gone]
    assert with_models or left == draft.models
    for model in draft.models:
        if model.path in gone:
            assert not model.is_needed and model.marker is not None and not model.marker.reserved
            assert NOW - model.last_used >= max(older_than, 3600)
    needed = survey.claimed.union(*(model.objects for model in left))
    needed |= {n for note in survey.imports if NOW - note.noted < older_than for n in note.objects}
    held = {inode for model in left for inode in model.files.values()}
    for each in (*survey.objects, *survey.downloads):
        assert each.path not in gone or (each.name not in needed and each.inode not in held)
    assert not gone.intersection(path for key in survey.others for path in draft.names[key])
    order = [removal.last_used for removal in plan.removals if removal.kind == "model"]
    assert order == sorted(order)


@given(draft=drafts(), with_models=st.booleans())
def test_after_a_plan_nothing_is_left_to_plan(draft: Draft, with_models: bool) -> None:
    plan = plan_pruning(draft.survey(), NOW, 0.0, with_models=with_models)
    gone = {path for removal in plan.removals for path in (removal.path, *removal.objects)}
    for key, names in draft.names.items():
        draft.names[key] = [name for name in names if not any(name.is_relative_to(path) for path in gone)]
    draft.models = [model for model in draft.models if model.path not in gone]
    draft.objects = [each for each in draft.objects if each.path not in gone]
    draft.downloads = [each for each in draft.downloads if each.path not in gone]
    draft.leftovers = [each for each in draft.leftovers if each.path not in gone]
    draft.imports = [note for note in draft.imports if note.path not in gone]
    assert plan_pruning(draft.survey(), NOW, 0.0, with_models=with_models).removals == ()


def make_old(folder: Path, age: int = 0) -> None:
    """As if the model had last been used long ago."""
    os.utime(folder / ".ome-model.json", (LONG_AGO - age, LONG_AGO - age))


def files_of(root: Path) -> set[str]:
    """All files under a root but locks."""
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {path for path in found if not path.endswith(".lock")}


def test_a_dry_run_says_what_the_run_does(hub: RunningHub) -> None:
    for seed, name in enumerate(("old", "older", "used")):
        hub.add(f"acme/{name}", {"own.safetensors": noise(500_000, seed), "shared.safetensors": WEIGHTS})
    folders = {name: fetch(f"hf://acme/{name}", name).path for name in ("old", "older", "used")}
    make_old(folders["old"])
    make_old(folders["older"], age=5)
    before = files_of(models_root())
    told = prune(with_models=True, is_dry_run=True)
    assert files_of(models_root()) == before
    done = prune(with_models=True)
    assert done == told
    assert [removal.path for removal in done.removals] == [folders["older"], folders["old"]]
    assert [(kept.folder, kept.reason) for kept in done.kept] == [("used", "it was used lately")]
    assert done.freed_bytes >= 1_000_000, "what only they had, and not what the third has"
    assert done.freed_bytes < 1_500_000
    assert contents(folders["used"])["shared.safetensors"] == WEIGHTS


def test_a_reserved_model_stays_and_is_said_to(hub: RunningHub) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    folders = {name: fetch("hf://acme/model", name).path for name in ("spare", "kept")}
    assert reserve_model(model_owner("ClusterBaseModel", "", "kept"))
    said = {name: '"reserved"' in (folder / ".ome-model.json").read_text() for name, folder in folders.items()}
    assert said == {"spare": False, "kept": True}, "an older version reads the marker of any other model"
    for folder in folders.values():
        make_old(folder)
    done = prune(with_models=True)
    assert [removal.path for removal in done.removals] == [folders["spare"]]
    (kept,) = done.kept
    assert kept.folder == "kept" and "models.ome/reserve-model-artifact" in kept.reason
    assert contents(folders["kept"])["model.safetensors"] == WEIGHTS


def test_without_models_every_model_stays(hub: RunningHub) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    make_old(fetch("hf://acme/model").path)
    assert prune(0).removals == ()
    assert contents(models_root() / "model") == {"model.safetensors": WEIGHTS}


@pytest.mark.parametrize("kind", ["resource", "deployment", "young", "other home", "unreadable"])
def test_a_model_that_something_needs_stays(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    monkeypatch.setenv("OME_MODELS_ROOT", str(tmp_path / "models"))
    hub.add("acme/old", {"model.safetensors": WEIGHTS})
    old = fetch("hf://acme/old", "old").path
    if kind != "young":
        make_old(old)
    if kind == "resource":
        spec = {"storage": {"storageUri": "hf://acme/old", "path": str(old)}}
        ResourceFolder().apply({"kind": "ClusterBaseModel", "metadata": {"name": "old"}, "spec": spec})
    if kind == "deployment":
        state = Path(os.environ["OME_HOME"]) / "deployments" / "default.service" / "state.json"
        state.parent.mkdir(parents=True)
        state.write_text(f'{{"modelPath": "{old}"}}')
    if kind == "other home":
        monkeypatch.setenv("OME_HOME", str(tmp_path / "other"))
    if kind == "unreadable":
        (old / ".ome-model.json").write_text("{")
        make_old(old)
    pruned = prune(0, with_models=True)
    assert pruned.removals == ()
    assert [kept.folder for kept in pruned.kept] == ["old"]
    assert contents(old) == {"model.safetensors": WEIGHTS}


def test_what_an_interrupted_import_has_goes_only_when_it_is_old(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("acme/model", {"a.safetensors": noise(300_000, 2), "b.safetensors": WEIGHTS})
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    hub.set_faults(Fault("short", path="lfs/*b.safetensors", after=900_000))
    with pytest.raises(NetworkError):
        fetch("hf://acme/model")
    hub.set_faults()
    assert prune().removals == ()
    hub.ledger.clear()
    manifest = resolve("hf://acme/model")
    assert prune(0, is_dry_run=True).freed_bytes >= 1_200_000
    assert import_model(manifest, "model").reused_bytes >= 1_200_000, "nothing of it was lost"
    (models_root() / "model").rename(models_root() / "gone")
    (models_root() / "gone" / ".ome-model.json").unlink()
    pruned = prune(0)
    assert {removal.kind for removal in pruned.removals} == {"object"}
    assert pruned.freed_bytes == 0, "the files have another name"


def test_what_a_running_import_needs_stays(hub: RunningHub) -> None:
    hub.add("acme/model", {"a.safetensors": noise(500_000, 8), "b.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("hold", path="*/b.safetensors", after=1_000_000))
    thread = threading.Thread(target=import_model, args=(manifest, "model"))
    thread.start()
    first = manifest.file("a.safetensors")
    assert first is not None
    pause = threading.Event()
    while thread.is_alive() and not ObjectStore(models_root()).path(first).exists():
        pause.wait(0.01)
    assert prune(0, with_models=True).removals == ()
    hub.set_faults()
    thread.join()
    assert contents(models_root() / "model")["b.safetensors"] == WEIGHTS


def test_leftovers_of_killed_commands_go_and_folders_in_the_making_stay(hub: RunningHub) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    imported = fetch("hf://acme/model")
    private = models_root() / ".ome"
    trash, making = private / "staging/removed-1-2", private / "staging/abc"
    for folder in (trash, making):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(WEIGHTS)
    seal = private / "objects/sha256" / ("0" * 64 + ".seal")
    seal.write_text("0 0 0")
    os.utime(seal, (LONG_AGO, LONG_AGO))
    being_written = private / "objects/sha256" / ("." + "1" * 64 + ".seal.abcd")
    being_written.write_text("0 0")
    with exclusive(private / "locks/abc.lock"):
        assert {removal.path for removal in prune(0).removals} == {trash, seal}
        assert making.exists() and not trash.exists() and not seal.exists()
    assert {removal.path for removal in prune().removals} == {making}
    assert contents(imported.path) == {"model.safetensors": WEIGHTS}
    assert import_model(resolve("hf://acme/model"), "model").fetched_bytes == 0
