"""Earlier revisions of a model: as many stay as are to be kept, and those that are served; going back is free."""

import shutil
from pathlib import Path

import pytest

from steps.cache import collect_garbage, import_model, models_root, remove_model
from steps.cache.bundle_export import export_bundle
from steps.cache.bundle_import import import_bundle
from steps.cache.earlier import earlier_revisions
from steps.cache.eviction import evict_model
from steps.cache.pruning import prune
from steps.cache.store import ObjectStore
from steps.errors import DiskFullError, InvalidInputError
from steps.home import home
from steps.manifest import Manifest
from steps.manifest_store import save_manifest
from steps.model_owner import model_owner
from tests.hub.fixture import RunningHub
from tests.importing.bundles import quiet
from tests.importing.models import contents, fetch, noise, resolve
from tests.importing.test_disk_is_not_filled import leave_room_for, models_on_own_disk

__all__ = ["models_on_own_disk"]

SIZE = 300_000


def kept() -> set[str]:
    """Manifests of the earlier revisions that stay."""
    return {each.marker.manifest for each in earlier_revisions(ObjectStore(models_root()))}


def serve(manifest: Manifest) -> Path:
    """The plan of a deployment of this machine that serves a revision of the model."""
    plan = home() / "deployments" / "default.chat" / "launch.json"
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(f'{{"args": ["{models_root() / "model"}"], "revision": "{manifest.revision}"}}')
    return plan


def import_all(hub: RunningHub, count: int) -> list[Manifest]:
    """Import revisions of a repository, one after the other, whose weights have nothing in common."""
    found = []
    for number in range(count):
        hub.add("acme/model", {"config.json": b"{}", "model.safetensors": noise(SIZE, number)})
        found.append(resolve("hf://acme/model"))
        save_manifest(found[-1])
        import_model(found[-1], "model")
    return found


def test_only_the_present_revision_stays_where_nothing_else_is_asked_for(hub: RunningHub) -> None:
    first, second = import_all(hub, 2)
    assert kept() == set()
    assert collect_garbage().freed_bytes == SIZE
    assert contents(models_root() / "model")["model.safetensors"] == noise(SIZE, 1)
    assert first.digest != second.digest


def test_as_many_stay_as_are_to_be_kept_and_going_back_fetches_nothing(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_KEEP_REVISIONS", "3")
    first, second, third, fourth = import_all(hub, 4)
    assert kept() == {second.digest, third.digest}
    assert collect_garbage().freed_bytes == SIZE, "the first alone goes"
    hub.ledger.clear()
    back = import_model(second, "model")
    assert (back.fetched_bytes, hub.ledger.counts().total_requests) == (0, 0)
    assert contents(back.path)["model.safetensors"] == noise(SIZE, 1)
    assert kept() == {third.digest, fourth.digest}
    assert first.digest not in kept()


def test_what_a_deployment_serves_stays_whatever_is_to_be_kept(hub: RunningHub) -> None:
    (first,) = import_all(hub, 1)
    serve(first)
    second, third = import_all(hub, 3)[1:]
    assert kept() == {first.digest}
    assert collect_garbage().freed_bytes == SIZE, "the second goes"
    assert second.digest not in kept()
    serve(third)
    prune()
    assert kept() == set()
    assert not [path for path in ObjectStore(models_root()).objects() if path.stat().st_nlink == 1]


def bundled(hub: RunningHub, tmp_path: Path) -> tuple[Manifest, Path]:
    """A revision that is here, and a bundle of another one, which is not."""
    other = import_all(hub, 2)[1]
    export_bundle("model", other, tmp_path / "bundle", is_folder=False, on_progress=quiet)
    remove_model(models_root() / "model")
    (first,) = import_all(hub, 1)
    return first, tmp_path / "bundle"


def test_a_bundle_that_brings_another_revision_leaves_the_earlier_one_that_is_served(
    hub: RunningHub, tmp_path: Path
) -> None:
    first, bundle = bundled(hub, tmp_path)
    plan = serve(first)
    import_bundle(bundle, on_progress=quiet)
    assert kept() == {first.digest} and collect_garbage().freed_bytes == 0
    assert contents(models_root() / "model")["model.safetensors"] == noise(SIZE, 1)
    plan.unlink()
    import_model(first, "model")
    import_bundle(bundle, on_progress=quiet)
    assert kept() == set(), "what nothing serves goes"


def test_a_bundle_leaves_as_many_revisions_as_are_to_be_kept(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, bundle = bundled(hub, tmp_path)
    monkeypatch.setenv("OME_KEEP_REVISIONS", "2")
    import_bundle(bundle, on_progress=quiet)
    assert kept() == {first.digest}
    assert import_model(first, "model").fetched_bytes == 0


def test_a_dry_run_tells_what_would_go_and_forgets_nothing(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_KEEP_REVISIONS", "2")
    (first, _) = import_all(hub, 2)
    assert prune(is_dry_run=True).removals == ()
    monkeypatch.setenv("OME_KEEP_REVISIONS", "1")
    assert prune(is_dry_run=True).freed_bytes >= SIZE
    assert kept() == {first.digest}
    assert prune().freed_bytes >= SIZE and kept() == set()


def test_earlier_revisions_go_for_room_before_an_import_is_refused(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_KEEP_REVISIONS", "2")
    (first, _) = import_all(hub, 2)
    hub.add("acme/other", {"config.json": b"{}", "model.safetensors": noise(SIZE, 9)})
    leave_room_for(SIZE // 2, monkeypatch)
    plan = serve(first)
    with pytest.raises(DiskFullError):
        fetch("hf://acme/other", "other")
    assert kept() == {first.digest}, "what is served does not go"
    plan.unlink()
    fetch("hf://acme/other", "other")
    assert kept() == set()
    assert contents(models_root() / "model")["model.safetensors"] == noise(SIZE, 1)


def test_a_model_that_goes_takes_its_earlier_revisions_along(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_KEEP_REVISIONS", "5")
    import_all(hub, 3)
    remove_model(models_root() / "model")
    assert kept() == set() and not list(ObjectStore(models_root()).objects())


def test_evicting_a_model_whose_folder_is_gone_already_forgets_its_earlier_revisions_and_no_others(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_KEEP_REVISIONS", "3")
    first, second, _ = import_all(hub, 3)
    folder = models_root() / "model"
    shutil.rmtree(folder)
    evict_model(model_owner("ClusterBaseModel", "", "other"), str(folder))
    assert kept() == {first.digest, second.digest}, "they are of another model"
    evict_model(model_owner("ClusterBaseModel", "", "model"))
    assert kept() == set() and not list(ObjectStore(models_root()).objects())


@pytest.mark.parametrize("given", ["0", "-1", "all", "1.5"])
def test_a_setting_that_is_no_number_is_told_before_a_byte_is_fetched(
    given: str, hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("acme/model", {"config.json": b"{}"})
    manifest = resolve("hf://acme/model")
    hub.ledger.clear()
    monkeypatch.setenv("OME_KEEP_REVISIONS", given)
    with pytest.raises(InvalidInputError, match=f'OME_KEEP_REVISIONS: "{given}"'):
        import_model(manifest, "model")
    assert hub.ledger.counts().total_requests == 0
