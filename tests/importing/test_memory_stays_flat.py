"""An import's memory does not grow with the model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from steps.manifest_store import save_manifest
from tests.hub.fixture import RunningHub
from tests.importing.models import resolve

SIZE = 256 << 20
LIMIT_KIB = 200 << 10
RUN = """
import re, resource, sys
from pathlib import Path
from steps.__main__ import main
code = main(["cache-model", sys.argv[1]])
status = Path("/proc/self/status")
if status.exists():
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
else:  # macOS, in bytes
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
sys.exit(code)
"""
"""The step, then the most memory it had, in KiB; Linux tells by getrusage what the test had before the exec, too."""


def test_large_model_is_imported_in_under_200_mib(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hub.add("acme/large", {"config.json": b"{}"})
    with (folder / "model.safetensors").open("wb") as sparse:
        sparse.truncate(SIZE)
    parameters = {"manifest": save_manifest(resolve("hf://acme/large")), "name": "large"}
    file = tmp_path / "parameters.json"
    file.write_text(json.dumps([{"name": name, "value": value} for name, value in parameters.items()]))
    monkeypatch.setenv("OME_STEP_ROOT", str(tmp_path / "step"))
    done = subprocess.run([sys.executable, "-c", RUN, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < LIMIT_KIB
    assert (tmp_path / "home" / "models" / "large" / "model.safetensors").stat().st_size == SIZE
