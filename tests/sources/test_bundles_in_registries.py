"""A bundle pushed to a registry as it is, is the model at `oci://`: so it reaches a cluster without a network."""

from pathlib import Path

import pytest

from steps.cache import import_model
from steps.cache.bundle_export import export_bundle
from steps.manifest import Manifest
from steps.manifest_store import save_manifest
from steps.sources import ResolveOptions, open_source
from tests.importing.models import contents, noise
from tests.sources.artifact_harness import TAG, ArtifactHarness
from tests.sources.harness import SourceHarness

FILES = {"config.json": b"{}", "empty.txt": b"", "sub/model.safetensors": noise(3_000_000, 1)}

pytestmark = pytest.mark.parametrize("harness", ["artifact"], indirect=True)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The layout of a model that was imported here."""
    for path, content in FILES.items():
        (tmp_path / "model" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / path).write_bytes(content)
    manifest = open_source(f"local://{tmp_path}/model").resolve(ResolveOptions())
    save_manifest(manifest)
    import_model(manifest, "tiny")
    return export_bundle("tiny", manifest, tmp_path / "bundle", is_folder=True, on_progress=lambda *_: None).path


def resolve(model: ArtifactHarness) -> Manifest:
    return open_source(model.uri).resolve(ResolveOptions())


def test_a_pushed_bundle_has_the_models_files_alone(harness: SourceHarness, bundle: Path) -> None:
    assert isinstance(harness, ArtifactHarness)
    pushed = harness.repository.push_layout(bundle, TAG)
    manifest = resolve(harness)
    assert manifest.revision == pushed
    assert {file.path: file.algorithm for file in manifest.files} == dict.fromkeys(FILES, "sha256")
    assert contents(import_model(manifest, "again").path) == FILES


def test_it_is_no_second_copy_beside_the_model_that_was_bundled(harness: SourceHarness, bundle: Path) -> None:
    assert isinstance(harness, ArtifactHarness)
    harness.repository.push_layout(bundle, TAG)
    assert import_model(resolve(harness), "again").fetched_bytes == 0
