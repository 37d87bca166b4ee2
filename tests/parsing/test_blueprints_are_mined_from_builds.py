"""The miner: arithmetic that it finds in builds of a class counts builds that it was not shown."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from steps.parse.blueprint import count_by_blueprint
from steps.parse.blueprint_library import Library
from tests.parsing.transformers_table.explained import UnexplainedError
from tests.parsing.transformers_table.mine import blueprint_of, together

Json = dict[str, Any]
NAME = "ToyForCausalLM"


def config(chance: random.Random) -> Json:
    """One of a class with all that the miner has to tell apart: options, lists, experts at intervals, ratios."""
    layers = chance.randint(2, 5)
    return {
        "model_type": "toy",
        "num_hidden_layers": layers,
        "num_attention_heads": chance.choice([4, 8, 12]),
        "num_key_value_heads": chance.choice([1, 2, 4]),
        "head_dim": 16 * chance.randint(1, 6),
        "hidden_size": 96 * chance.randint(1, 9),
        "intermediate_size": chance.randint(50, 900),
        "vocab_size": chance.randint(90, 400),
        "num_experts": chance.choice([0, 3, 5, 8]),
        "tie_word_embeddings": chance.random() < 0.5,
        "layer_types": [chance.choice(["full", "linear"]) for _ in range(layers)],
        "moe_every": chance.choice([1, 2, 3]),
        "first_dense": chance.choice([0, 1, 2]),
        "mlp_ratio": chance.choice([2.0, 4.0, 0.5]),
        "q_lora_rank": chance.choice([None, 24, 48]),
        "embed_dims": [32 * chance.randint(1, 5) for _ in range(4)],
    }


def tensors(c: Json) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of what is built from a configuration."""
    width, heads = c["hidden_size"], c["num_attention_heads"] * c["head_dim"]
    yield "embed.weight", (c["vocab_size"], width)
    if not c["tie_word_embeddings"]:
        yield "head.weight", (c["vocab_size"], width)
    for n, kind in enumerate(c["layer_types"]):
        yield f"layers.{n}.norm", (width,)
        if kind == "linear":
            yield f"layers.{n}.mix", (2 * heads + c["num_key_value_heads"], width)
        elif c["q_lora_rank"]:
            yield f"layers.{n}.query_down", (c["q_lora_rank"], width)
            yield f"layers.{n}.query_up", (heads, c["q_lora_rank"])
        else:
            yield f"layers.{n}.query", (heads, width)
        if c["num_experts"] and n >= c["first_dense"] and (n - c["first_dense"]) % c["moe_every"] == 0:
            for expert in range(c["num_experts"]):
                yield f"layers.{n}.experts.{expert}.up", (c["intermediate_size"], width)
        else:
            yield f"layers.{n}.up", (int(width * c["mlp_ratio"]), width)
    for n, size in enumerate(c["embed_dims"]):
        yield f"stages.{n}.weight", (size, c["embed_dims"][n - 1] if n else 3)


def build(values: Json) -> Json:
    """A build as `samples.py` writes it down."""
    found = {name: (shape, "embedding" if name == "embed.weight" else "") for name, shape in tensors(values)}
    return {"raw": values, "config": values, "tensors": found, "inner": {}, "total": total(values)}


def total(values: Json) -> int:
    """All numbers of a build."""
    return sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for _, shape in tensors(values))


def mined(builds: list[Json]) -> Library:
    """What the miner makes of them."""
    relevant = sorted(set(builds[0]["config"]) - {"model_type"})
    line = blueprint_of(
        {"class": NAME, "type": "toy", "samples": builds, "single": [], "default": None, "relevant": relevant}
    )
    own = {"config": "toy", "defaults": {}, "names": relevant}
    return Library([json.dumps(each, separators=(",", ":")) for each in (line, own)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_found_in_builds_counts_others(seed: int) -> None:
    chance = random.Random(seed)
    known = mined([build(config(chance)) for _ in range(40)])
    for _ in range(50):
        values = config(chance)
        tally = count_by_blueprint({**values, "architectures": [NAME]}, lambda _: 0, known)
        assert tally is not None and tally.total == total(values), values
        assert tally.embedding == values["vocab_size"] * values["hidden_size"]


def test_a_size_that_nothing_in_the_configuration_gives_is_not_explained() -> None:
    chance = random.Random(4)
    builds = [build(config(chance)) for _ in range(24)]
    for number, one in enumerate(builds):
        one["tensors"]["odd.weight"] = ((1000 + number * number, 7), "")
    with pytest.raises(UnexplainedError, match="odd.weight"):
        mined(builds)


def test_a_class_that_is_mined_again_has_one_line_and_the_others_keep_theirs() -> None:
    old = [line_of(name, "1") for name in ("Again", "Changed", "Kept")]
    new = [line_of("Again", "1"), line_of("Changed", "2")]
    assert together(new, old, {"Again", "Changed"}) == [*new, old[2]]


def line_of(name: str, size: str) -> str:
    return json.dumps({"class": name, "tensors": [[size, "", [], ""]]}, separators=(",", ":"))
