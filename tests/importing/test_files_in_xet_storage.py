"""A repository in Xet storage is imported by the sha256 that the hub tells beside the Xet hash, with ranged reads."""

import hashlib

from steps.cache import import_model
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, entry, noise, resolve

WEIGHTS = noise(4_000_000, 1)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}


def test_its_files_are_checked_by_their_sha256_and_xet_is_not_asked(hub: RunningHub) -> None:
    hub.add("acme/model", FILES, settings="xet: true")
    manifest = resolve("hf://acme/model")
    weights = entry(manifest, "model.safetensors")
    assert (weights.algorithm, weights.digest) == ("sha256", hashlib.sha256(WEIGHTS).hexdigest())
    assert contents(import_model(manifest, "model").path) == FILES
    counts = hub.ledger.counts()
    assert counts.bytes["lfs/acme/model/model.safetensors"] == len(WEIGHTS)
    assert not [target for target in counts.requests if "xet" in target]


def test_the_same_repository_is_the_same_manifest_in_xet_storage(hub: RunningHub) -> None:
    hub.add("acme/model", FILES)
    hub.add("acme/moved", FILES, settings="xet: true")
    assert resolve("hf://acme/model").digest == resolve("hf://acme/moved").digest
