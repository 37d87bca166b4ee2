"""An object that was uploaded in parts is checked by the digest of its parts, where their size can be told."""

from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.repair import repair
from steps.cache.store import ObjectStore
from steps.cache.verifying import verify
from steps.errors import IntegrityError, InvalidInputError
from steps.manifest import FileEntry, Manifest
from steps.manifest_store import save_manifest
from steps.sources import ResolveOptions, open_source
from tests.hub.faults import Fault
from tests.importing.damage import damage
from tests.importing.models import contents
from tests.sources.conformance import entry, noise, resolve
from tests.sources.harness import SourceHarness
from tests.sources.store_harness import StoreHarness
from tests.swarm.nodes import make_nodes

MIB = 1 << 20
MODEL = "model.safetensors"
WEIGHTS = noise(41 * MIB, 11)

pytestmark = pytest.mark.parametrize("harness", ["s3", "oci"], indirect=True)


def put(harness: SourceHarness, *sizes: int) -> bytes:
    """Upload the weights in parts; the last size is that of all further ones."""
    assert isinstance(harness, StoreHarness)
    parts: list[bytes] = []
    at = 0
    while at < len(WEIGHTS):
        size = sizes[min(len(parts), len(sizes) - 1)]
        parts.append(WEIGHTS[at : at + size])
        at += size
    harness.store.proxy.whole[harness.target(MODEL)] = WEIGHTS
    harness.put_parts(f"{harness.prefix}/{MODEL}", parts)
    return WEIGHTS


def weights(manifest: Manifest) -> FileEntry:
    return entry(manifest, MODEL)


def resolve_with(harness: SourceHarness, part_size: str) -> Manifest:
    return open_source(harness.uri, {"partSize": part_size}).resolve(ResolveOptions())


@pytest.mark.parametrize("part_bytes", [5 * MIB, 8 * MIB])
def test_parts_of_a_usual_size_are_checked_as_they_come(harness: SourceHarness, part_bytes: int) -> None:
    put(harness, part_bytes)
    manifest = resolve(harness)
    assert weights(manifest).algorithm == "md5-parts"
    assert weights(manifest).digest.endswith(f"-{part_bytes}")
    harness.set_faults(Fault("flip", path=harness.target(MODEL), after=6_000_000, times=0))
    with pytest.raises(IntegrityError, match=r"model\.safetensors: its 42991616 bytes have the md5-parts") as caught:
        import_model(manifest, "model")
    assert "partSize" in caught.value.remedy
    harness.set_faults()
    assert contents(import_model(manifest, "model").path) == {MODEL: WEIGHTS}
    assert import_model(manifest, "again").fetched_bytes == 0


def test_one_part_is_of_any_size(harness: SourceHarness) -> None:
    put(harness, len(WEIGHTS))
    manifest = resolve(harness)
    assert weights(manifest).digest.endswith(f"-{len(WEIGHTS)}")
    assert contents(import_model(manifest, "model").path) == {MODEL: WEIGHTS}


def test_damage_in_the_store_is_found_and_mended(harness: SourceHarness) -> None:
    put(harness, 8 * MIB)
    manifest = resolve(harness)
    save_manifest(manifest)
    import_model(manifest, "model")
    damage(models_root() / "model" / MODEL, is_silent=True)
    found = verify()
    (fault,) = found.faults
    assert (fault.kind, fault.path.name) == ("damaged", MODEL)
    assert repair(found).failures == ()
    assert contents(models_root() / "model") == {MODEL: WEIGHTS}
    assert ObjectStore(models_root()).has(weights(manifest))


@pytest.mark.parametrize("sizes", [(5 * MIB, 6 * MIB), (16 * MIB,)], ids=["unequal", "few"])
def test_parts_whose_size_cannot_be_told_are_pinned_by_version(harness: SourceHarness, sizes: tuple[int, ...]) -> None:
    put(harness, *sizes)
    manifest = resolve(harness)
    assert weights(manifest).algorithm == "version"
    assert contents(import_model(manifest, "model").path) == {MODEL: WEIGHTS}


def test_the_parts_size_can_be_said(harness: SourceHarness) -> None:
    put(harness, 7 * MIB)
    wrong = resolve(harness)
    assert weights(wrong).digest.endswith(f"-{8 * MIB}"), "of the usual sizes, it alone gives six parts"
    with pytest.raises(IntegrityError, match="md5-parts") as caught:
        import_model(wrong, "model")
    assert "partSize" in caught.value.remedy
    told = resolve_with(harness, "7Mi")
    assert weights(told).digest.endswith(f"-{7 * MIB}")
    assert contents(import_model(told, "model").path) == {MODEL: WEIGHTS}
    assert weights(resolve_with(harness, "none")).algorithm == "version"
    with pytest.raises(InvalidInputError, match=r'partSize: "7.5" is no size of parts'):
        resolve_with(harness, "7.5")


def test_a_swarm_that_was_asked_for_says_what_it_cannot_share(harness: SourceHarness, tmp_path: Path) -> None:
    put(harness, 8 * MIB)
    (node,) = make_nodes(tmp_path, 1)
    node.start(save_manifest(resolve_with(harness, "none")))
    told = node.end()
    assert "distribution: swarm: 43 MB of 43 MB have no digest" in told and MODEL in told and "partSize" in told


def test_nodes_share_it(harness: SourceHarness, tmp_path: Path) -> None:
    put(harness, 8 * MIB)
    digest = save_manifest(resolve(harness))
    before = harness.ledger.counts().total_bytes
    slowly = {"OME_DOWNLOAD_LIMIT": "4Mi"}  # one that has all before it hears of the other ends, and gives nothing
    nodes = make_nodes(tmp_path, 2, slowly)
    harness.set_faults(Fault("hold", path=harness.target(MODEL)))
    for node in nodes:
        node.start(digest)
    for node in nodes:
        node.wait_until_it_answers()
    harness.set_faults()
    for node in nodes:
        assert "warning" not in node.end()
        assert contents(node.model) == {MODEL: WEIGHTS}
    assert sum(node.output("received_bytes") for node in nodes) > 0
    assert harness.ledger.counts().total_bytes - before < 2 * len(WEIGHTS)
