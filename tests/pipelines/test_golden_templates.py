"""Every generated workflow template is compared with a file that a person can read; `make golden` rewrites them."""

import os
from pathlib import Path

import pytest
import yaml

from pipelines.export import export, templates, to_yaml

GOLDEN = Path(__file__).parent / "golden"


def test_the_generated_templates_are_the_golden_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OME_STEP_IMAGE", raising=False)
    if os.environ.get("OME_REGENERATE"):
        for old in GOLDEN.glob("*.yaml"):
            old.unlink()
        export(GOLDEN)
    made = {f"{name}.yaml": to_yaml(template) for name, template in templates().items()}
    kept = {path.name: path.read_text() for path in GOLDEN.glob("*.yaml")}
    assert sorted(made) == sorted(kept)
    for name, text in made.items():
        assert text == kept[name], f"{name} has changed; if that is intended, run `make golden`"


def test_exported_golden_files_hold_the_dictionaries(tmp_path: Path) -> None:
    paths = export(tmp_path / "out")
    assert [yaml.safe_load(path.read_text()) for path in paths] == list(templates().values())
