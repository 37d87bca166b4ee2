"""Each fault of a model's signature: its class, its message and its remedy, and what was fetched before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.signature import SignaturePolicy
from steps.errors import OmeError
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, noise, resolve
from tests.importing.promised import assert_told
from tests.importing.signed import make_key

FILES = {"a.safetensors": noise(300_000, 1), "config.json": b"{}"}

FAULTS: dict[str, tuple[Callable[[Path], object], str, bool]] = {
    "no signature where one is asked for": (
        lambda folder: (folder / "model.sig").unlink(),
        r'^hf://acme/model: has no signature "model.sig"$',
        False,
    ),
    "a signature by somebody else": (
        lambda folder: make_key(folder.parents[2] / "other").sign(folder),
        r'^hf://acme/model: "model.sig": is no signature by sha256:\w{64} \(ValueError: Key mismatch: .*\)$',
        False,
    ),
    "a signature of other files": (
        lambda folder: (folder / "config.json").write_bytes(b"[]"),
        r'^hf://acme/model: "model.sig": is a signature of other files: config.json is changed$',
        True,
    ),
}
"""By fault: how it comes about, the words of the message, and whether files have come by then."""


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_a_signature_is_told(hub: RunningHub, tmp_path: Path, fault: str) -> None:
    folder, key = hub.add("acme/model", FILES), make_key(tmp_path / "key")
    key.sign(folder)
    cause, words, has_fetched = FAULTS[fault]
    cause(folder)
    manifest = resolve("hf://acme/model")
    with pytest.raises(OmeError) as caught:
        import_model(manifest, "model", signature=SignaturePolicy(key.public))
    assert_told(caught.value, fault, words)
    assert not (models_root() / "model").exists()
    assert (bytes_there(manifest) == manifest.total_bytes) is has_fetched
