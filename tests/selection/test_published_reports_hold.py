"""The fit agrees with what engines reported in public: weights, the cache of a token, and no false "fits"."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.choice import Parallelism
from steps.facts import Facts
from steps.selection.engines import Engine
from steps.selection.fit import fit_model
from steps.selection.kv_cache import kv_cache_bytes
from steps.selection.memory import GIB, MIB, Device, weights_bytes
from tests.parsing.made_up_files import parse_folder, write_config
from tests.parsing.public_models import MODELS

TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("published_reports.yaml").read_text())
REPORTS: list[dict[str, Any]] = TABLE["reports"]
WEIGHTS_ERROR = 0.05
"""How far weights may be from a report: its 2 % of padding, and what loaders keep in other types than the files."""
CACHE_ERROR = 0.02


def label(report: dict[str, Any]) -> str:
    """A report's name in a list of tests."""
    thread = report["source"].partition("/")[2].replace("/", "-")
    return f"{report['model']}-{report.get('tensor', 1)}x{report.get('gpu', '').replace(' ', '')}-{thread}"


def having(*names: str) -> list[Any]:
    """The reports that have all of these figures, as parameters."""
    return [pytest.param(report, id=label(report)) for report in REPORTS if all(name in report for name in names)]


@cache
def facts_of(name: str, folder: Path) -> Facts:
    """What `ome parse` would say of the model: its counts and cache from the configuration, its bytes as published."""
    model = TABLE["models"][name]
    config = model.get("config") or next(known.config for known in MODELS if known.name == model["public"])
    if layers := model.get("alternating_layers"):
        config = {**config, "layer_types": ["sliding_attention", "full_attention"] * (layers // 2)}
    write_config(folder, {key: value for key, value in config.items() if value is not None})
    facts = parse_folder(folder)
    stored = int(model.get("gigabytes", 0) * 1e9)
    exact = facts.parameters.model_copy(update={"confidence": "exact"})
    return facts.model_copy(update={"bytes_in_memory": stored, "parameters": exact})


@pytest.fixture
def facts(report: dict[str, Any], tmp_path: Path) -> Facts:
    """The facts of a report's model."""
    return facts_of(report["model"], tmp_path)


def engine_of(report: dict[str, Any]) -> Engine:
    """The engine with the arguments that the report names."""
    names = ("utilisation", "sequences", "batch_tokens", "kv_cache_bits", "is_expert_parallel", "is_eager", "data")
    chosen = {name: report[name] for name in names if name in report}
    return Engine(family=report.get("engine", "vllm"), **chosen)


def parallelism_of(report: dict[str, Any]) -> Parallelism:
    """How the report's model was spread."""
    return Parallelism(tensor=report.get("tensor", 1), data=report.get("data", 1))


@pytest.mark.parametrize("report", having("weights"))
def test_weights_are_as_reported(report: dict[str, Any], facts: Facts) -> None:
    counted = weights_bytes(facts, parallelism_of(report), engine_of(report)) / GIB
    assert counted == pytest.approx(report["weights"], rel=WEIGHTS_ERROR)


@pytest.mark.parametrize("report", having("kv_cache", "tokens"))
def test_a_token_takes_what_was_reported(report: dict[str, Any], facts: Facts) -> None:
    many = 1600  # a million tokens or two, for a cache of one token alone is rounded to a block
    counted = kv_cache_bytes(facts, parallelism_of(report), engine_of(report), 1024, many) / (1024 * many)
    assert counted == pytest.approx(report["kv_cache"] * GIB / report["tokens"], rel=CACHE_ERROR)


@pytest.mark.parametrize("report", having("cache_of_context"))
def test_a_context_takes_what_was_reported(report: dict[str, Any], facts: Facts) -> None:
    counted = kv_cache_bytes(facts, parallelism_of(report), engine_of(report), report["context"], 1)
    state = report.get("state", 0) * MIB
    assert facts.attention.state_bytes_per_sequence == pytest.approx(state, rel=CACHE_ERROR)
    assert counted - state == pytest.approx(report["cache_of_context"] * GIB, rel=CACHE_ERROR)


@pytest.mark.parametrize("report", having("device", "outcome"))
def test_what_failed_is_never_said_to_fit_and_what_ran_is_not_refused(report: dict[str, Any], facts: Facts) -> None:
    fit = fit_model(
        facts,
        Device(memory=int(report["device"] * GIB)),
        parallelism=parallelism_of(report),
        engine=engine_of(report),
        context=report["context"],
    )
    accepted = {"runs": ("fits", "tight"), "fails": ("tight", "does-not-fit")}[report["outcome"]]
    assert fit.verdict in accepted, fit.explanation


def test_the_table_is_broad() -> None:
    assert len(REPORTS) >= 40
    assert len({report["model"] for report in REPORTS}) >= 20
    assert sum(report.get("outcome") == "fails" for report in REPORTS) >= 10
    assert all(report["source"] for report in REPORTS)
