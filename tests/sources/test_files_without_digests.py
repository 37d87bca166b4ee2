"""A file of which its source tells no digest is recorded as it comes: damage to it is found, and mended."""

import hashlib
import os
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.bundle_export import export_bundle
from steps.cache.repair import repair
from steps.cache.store import ObjectStore
from steps.cache.verifying import verify
from steps.errors import IntegrityError
from steps.manifest import Manifest
from steps.manifest_store import save_manifest
from tests.importing.damage import damage
from tests.importing.models import contents
from tests.sources.conformance import entry, noise, resolve
from tests.sources.github_harness import GithubHarness
from tests.sources.harness import SourceHarness

MODEL = "model.safetensors"
WEIGHTS = noise(3_000_000, 7)
FILES = {"config.json": b"{}", MODEL: WEIGHTS}


pytestmark = pytest.mark.parametrize("harness", ["github"], indirect=True)


@pytest.fixture
def manifest(harness: SourceHarness) -> Manifest:
    """A model that was imported as `model`, whose weights have no digest."""
    assert isinstance(harness, GithubHarness)
    harness.put({"config.json": FILES["config.json"]})
    harness.put_old(MODEL, WEIGHTS)
    resolved = resolve(harness)
    assert entry(resolved, MODEL).algorithm == "version"
    save_manifest(resolved)
    import_model(resolved, "model")
    return resolved


def weights(manifest: Manifest) -> Path:
    return ObjectStore(models_root()).path(entry(manifest, MODEL))


@pytest.mark.parametrize("is_silent", [True, False])
def test_damage_is_named_with_what_came_and_what_is_there_and_mended(manifest: Manifest, is_silent: bool) -> None:
    assert verify().faults == ()
    now = damage(models_root() / "model" / MODEL, is_silent=is_silent)
    found = verify()
    (fault,) = found.faults
    came, there = hashlib.sha256(WEIGHTS).hexdigest(), hashlib.sha256(now).hexdigest()
    assert (fault.kind, fault.path.name) == ("damaged", MODEL)
    assert fault.found == f"sha256:{there}, and sha256:{came} when it came"
    assert repair(found).failures == ()
    assert contents(models_root() / "model") == FILES
    assert verify().faults == ()


def test_another_look_is_hashed_and_not_fetched_again(manifest: Manifest) -> None:
    os.utime(weights(manifest), ns=(0, 0))
    assert import_model(manifest, "again").fetched_bytes == 0
    assert verify().faults == ()


def test_without_a_record_it_is_fetched_again(manifest: Manifest) -> None:
    path = weights(manifest)
    path.with_name(f"{path.name}.seal").unlink()
    (fault,) = verify().faults
    assert "the record of what came is gone" in fault.found
    assert repair(verify()).fetched_bytes == len(WEIGHTS)
    assert verify().faults == ()
    assert ObjectStore(models_root()).content(entry(manifest, MODEL)) == hashlib.sha256(WEIGHTS).hexdigest()


def test_damage_is_not_bundled(manifest: Manifest, tmp_path: Path) -> None:
    damage(weights(manifest))
    with pytest.raises(IntegrityError, match=r"model\.safetensors.* is damaged"):
        export_bundle("model", manifest, tmp_path / "bundle", is_folder=True, on_progress=lambda *_: None)
