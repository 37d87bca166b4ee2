"""The contract that the local runner and Argo are held to: small workflows, each with what is expected of it."""

from pathlib import Path

import pytest
import yaml

from pipelines import local

FOLDER = Path(__file__).parent / "contract"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.endswith(".expected"))


@pytest.mark.parametrize("name", NAMES)
def test_the_local_runner_keeps_the_contract(name: str) -> None:
    workflow = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    expected = yaml.safe_load((FOLDER / f"{name}.expected.yaml").read_text())

    record = local.run(workflow, expected.get("arguments"), templates={})

    told = {step.path: (step.phase, step.error) for step in record.steps}
    assert record.phase == expected["phase"], (record.message, told)
    assert set(told) == set(expected["steps"]), told
    for path, outcome in expected["steps"].items():
        step = record.step(path)
        assert step is not None
        found = {
            "phase": step.phase,
            "outputs": step.outputs,
            "exit_code": step.exit_code,
            "attempts": len(step.attempts),
        }
        assert {field: found[field] for field in outcome} == outcome, (path, step.error)
    assert record.outputs == expected.get("outputs", {})


def test_every_contract_workflow_says_what_is_expected_of_it() -> None:
    assert len(NAMES) >= 15
    assert {path.stem.removesuffix(".expected") for path in FOLDER.glob("*.expected.yaml")} == set(NAMES)
