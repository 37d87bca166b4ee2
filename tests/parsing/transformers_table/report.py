"""How near the parser's counts come to what transformers builds, architecture by architecture.

`python -m tests.parsing.transformers_table` prints it, `--masked` with every model type and class replaced by unknown
names, which tells what the rules know without the names.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from steps.parse.config import Config
from steps.parse.formula import count_from_config

TABLE: Final = Path(__file__).with_name("table.jsonl")
VARIED: Final = Path(__file__).with_name("varied.jsonl")
Json = dict[str, Any]
Outcome = Literal["exact", "within 0.1 %", "within 1 %", "within 5 %", "off", "refused"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("exact", "within 0.1 %", "within 1 %", "within 5 %", "off", "refused")
NEAR: Final = OUTCOMES[:2]
_LIMITS: Final[tuple[tuple[Outcome, float], ...]] = (("within 0.1 %", 0.001), ("within 1 %", 0.01),
                                                     ("within 5 %", 0.05))  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One class built from one configuration: and what it holds."""

    model_type: str
    architecture: str
    variant: str
    scope: str
    config: Json
    total: int


@dataclass(frozen=True)
class Compared:
    """A row beside our count."""

    row: Row
    counted: int
    outcome: Outcome


def rows() -> Iterator[Row]:
    """The rows of both tables; lines that say why a type could not be built are left out."""
    defaults: dict[str, Json] = {}
    for path in (TABLE, VARIED):
        for line in path.read_text().splitlines():
            values = json.loads(line)
            whole = values["config"] if "config" in values else _changed(defaults[values["type"]], values)
            if values.get("variant") == "default":
                defaults[values["type"]] = whole
            for architecture, total in values.get("counts", {}).items():
                config = {**whole, "architectures": [architecture]}
                yield Row(values["type"], architecture, values["variant"], values["scope"], config, total)


def flat_of(config: Json, prefix: str = "") -> Json:
    """Every value by its dotted name, that of an empty section with it."""
    found: Json = {}
    for name, value in config.items():
        found |= (
            flat_of(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {f"{prefix}{name}": value}
        )
    return found


def _changed(default: Json, line: Json) -> Json:
    """A default configuration with a line's changes."""
    flat = {name: value for name, value in flat_of(default).items() if name not in line["gone"]} | line["changed"]
    config: Json = {}
    for name, value in flat.items():
        *sections, last = name.split(".")
        level = config
        for section in sections:
            level = level.setdefault(section, {})
        level[last] = value
    return config


def compare(row: Row, *, masked: bool = False) -> Compared:
    """Count a row's configuration and judge the difference."""
    config = _masked(row.config, row.architecture) if masked else row.config
    counted = count_from_config(Config(config)).undrafted
    return Compared(row, counted, outcome(counted, row.total))


def outcome(counted: int, total: int) -> Outcome:
    """The word for how far a count is off."""
    if counted == total:
        return "exact"
    if not counted:
        return "refused"
    return next((word for word, limit in _LIMITS if abs(counted / total - 1) <= limit), "off")


def worst(outcomes: Iterator[Outcome]) -> Outcome:
    """The worst of several."""
    return max(outcomes, key=OUTCOMES.index)


def by_architecture(found: list[Compared]) -> Mapping[str, Outcome]:
    """The worst outcome of each architecture over its configurations."""
    grouped: dict[str, list[Outcome]] = {}
    for one in found:
        grouped.setdefault(one.row.architecture, []).append(one.outcome)
    return {name: worst(iter(outcomes)) for name, outcomes in grouped.items()}


def _masked(values: Json, architecture: str) -> Json:
    """The configuration with unknown names; an architecture keeps its ending, which every author chooses alike."""
    endings = ("ForCausalLM", "ForConditionalGeneration", "ForSequenceClassification", "ForMaskedLM", "LMHeadModel")
    ending = next((e for e in endings if architecture.endswith(e)), "Model")
    masked: Json = {}
    for name, value in values.items():
        if name == "model_type":
            masked[name] = "unheard_of"
        elif name == "architectures":
            masked[name] = [f"UnheardOf{ending}"]
        else:
            masked[name] = _masked(value, architecture) if isinstance(value, dict) else value
    return masked
