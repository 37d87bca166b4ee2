"""An import's memory does not grow with the model."""

import os
from pathlib import Path

from steps.manifest_store import save_manifest
from tests.hub.fixture import RunningHub
from tests.importing.models import resolve, start_caching

SIZE = 400 << 20
LIMIT_KIB = 200 << 10


def test_large_model_is_imported_in_under_200_mib(hub: RunningHub, tmp_path: Path) -> None:
    folder = hub.add("acme/large", {"config.json": b"{}"})
    with (folder / "model.safetensors").open("wb") as sparse:
        sparse.truncate(SIZE)
    child = start_caching(tmp_path / "step", save_manifest(resolve("hf://acme/large")))
    _, status, usage = os.wait4(child.pid, 0)
    assert child.stderr is not None
    assert status == 0, child.stderr.read()
    child.stderr.close()
    child.returncode = 0
    assert usage.ru_maxrss < LIMIT_KIB, f"{usage.ru_maxrss} KiB"
