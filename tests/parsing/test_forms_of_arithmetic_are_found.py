"""The miner's forms of arithmetic, one a case: each is found in builds, and counts builds that were not shown."""

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steps.parse.blueprint import count_by_blueprint
from steps.parse.blueprint_library import Library
from tests.parsing.transformers_table.arithmetic import Arithmetic
from tests.parsing.transformers_table.items import Items
from tests.parsing.transformers_table.left_out import Configs
from tests.parsing.transformers_table.mine import blueprint_of, used_in, write

Json = dict[str, Any]
Shapes = Iterator[tuple[str, tuple[int, ...]]]
NAME = "ToyModel"


def width(chance: random.Random) -> int:
    return 48 * chance.randint(1, 20)


def mel(chance: random.Random) -> Json:
    return {"num_mel_bins": chance.randint(40, 160), "subsampling_factor": chance.choice([2, 4, 6, 8, 12, 16]),
            "channels": width(chance), "stride": chance.choice([2, 3])}  # fmt: skip


def padded_convolutions(c: Json) -> Shapes:
    bins = c["num_mel_bins"]
    for _ in range(int(math.log2(c["subsampling_factor"]))):
        bins = bins // 2 + 1
    yield "linear", (c["channels"] * bins, 7)


def strided_convolutions(c: Json) -> Shapes:
    layers = int(math.log2(c["subsampling_factor"]))
    yield "linear", (c["channels"] * (c["num_mel_bins"] // c["stride"] ** layers), 7)
    for n in range(layers):
        yield f"convolutions.{3 * n}", (c["channels"], 9)


def waves(chance: random.Random) -> Json:
    return {"sampling_rate": chance.randint(100, 4000), "hidden_size": width(chance),
            "upsampling_ratios": [chance.randint(2, 9) for _ in range(4)]}  # fmt: skip


def halved_rate(c: Json) -> Shapes:
    samples = math.prod(c["upsampling_ratios"])
    yield "down", (c["hidden_size"], 2 * (2 * samples * math.ceil(c["sampling_rate"] / samples) // c["sampling_rate"]))


def flagged(chance: random.Random) -> Json:
    flags = {name: chance.random() < 0.5 for name in ("has_shape", "has_sound")}
    return {**flags, "hidden_size": width(chance), "shape_dim": width(chance), "sound_dim": width(chance)}


def joined_widths(c: Json) -> Shapes:
    yield "join", (c["hidden_size"] + c["has_shape"] * c["shape_dim"] + c["has_sound"] * c["sound_dim"], 5)


def scaled(chance: random.Random) -> Json:
    return {"hidden_size": width(chance) + chance.randint(0, 9), "factor": chance.choice([1.5, 2.667, 4.0]),
            "multiple_of": chance.choice([32, 48, 64, 100])}  # fmt: skip


def rounded_width(c: Json) -> Shapes:
    wide = int(c["hidden_size"] * c["factor"])
    yield "up", (-(-wide // c["multiple_of"]) * c["multiple_of"], 3)


def shuffled(chance: random.Random) -> Json:
    return {"hidden_size": width(chance), "scale": chance.randint(2, 9), "heads": chance.randint(1, 5)}


def finer_patches(c: Json) -> Shapes:
    yield "project", (c["hidden_size"] * (c["scale"] // 2) ** 2, 3)


def staged(chance: random.Random) -> Json:
    return {"num_filters": width(chance), "ffn_expansion": chance.randint(2, 6),
            "depths": [chance.randint(1, 4) for _ in range(6)]}  # fmt: skip


def doubling_stages(c: Json) -> Shapes:
    for n in range(5):
        for block in range(c["depths"][n + 1]):
            yield f"stages.{n}.blocks.{block}.up", (c["ffn_expansion"] * c["num_filters"] * 2 ** (n + 1), 3)


def halving_stages(c: Json) -> Shapes:
    stages = len(c["depths"])
    yield "stem", (c["num_filters"] * 2**stages, c["ffn_expansion"])
    for n in range(stages - 1):
        for block in range(c["depths"][-2 - n]):
            yield f"stages.{n}.blocks.{block}.up", (c["ffn_expansion"] * c["num_filters"] * 2 ** (stages - 1 - n), 3)


def normed(chance: random.Random) -> Json:
    return {"num_hidden_layers": chance.randint(4, 9), "num_last_layers": chance.randint(1, 3), "size": width(chance)}


def two_norms(c: Json) -> Shapes:
    layers = c["num_hidden_layers"]
    for n in range(layers):
        yield f"layers.{n}.mix", (c["size"], 4)
        if n in (layers - c["num_last_layers"] - 1, layers - 1):
            yield f"layers.{n}.norm", (c["size"],)


def spread(chance: random.Random) -> Json:
    return {"num_hidden_layers": chance.randint(2, 12), "num_add_layers": chance.randint(2, 6), "size": width(chance)}


def spread_adapters(c: Json) -> Shapes:
    step = max(c["num_hidden_layers"] // c["num_add_layers"], 1)
    for n in range(c["num_hidden_layers"]):
        yield f"layers.{n}.mix", (c["size"], 4)
        if (n + 1) % step == 0:
            yield f"layers.{n}.adapter", (c["size"], 9)


def joined(chance: random.Random) -> Json:
    return {"hidden_size": chance.choice([768, width(chance)]), "output_size": 768}


def joint(c: Json) -> Shapes:
    yield "head", (c["hidden_size"], 3)
    if c["output_size"] != c["hidden_size"]:
        yield "join", (c["hidden_size"], c["output_size"])


def levels(chance: random.Random) -> Json:
    return {"base": width(chance), "multipliers": [chance.choice([1, 1, 2, 4]) for _ in range(chance.randint(3, 6))]}


def shortcuts(c: Json) -> Shapes:
    before = 1
    for n, factor in enumerate(c["multipliers"]):
        yield f"down.{n}.convolution", (c["base"] * factor, 9)
        if factor != before:
            yield f"down.{n}.shortcut", (c["base"] * factor, 2)
        before = factor


def shortcuts_up(c: Json) -> Shapes:
    factors = c["multipliers"][::-1]
    for n, factor in enumerate(factors):
        yield f"up.{n}.convolution", (c["base"] * factor, 9)
        if n and factor != factors[n - 1]:
            yield f"up.{n}.shortcut", (c["base"] * factor, 2)


CASES: list[tuple[Callable[[random.Random], Json], Callable[[Json], Shapes]]] = [
    (mel, padded_convolutions), (mel, strided_convolutions), (waves, halved_rate), (flagged, joined_widths),
    (scaled, rounded_width), (shuffled, finer_patches), (staged, doubling_stages), (staged, halving_stages),
    (normed, two_norms),
    (spread, spread_adapters), (joined, joint), (levels, shortcuts), (levels, shortcuts_up),
]  # fmt: skip


def build(values: Json, tensors: Callable[[Json], Shapes]) -> Json:
    """A build as `samples.py` writes it down."""
    shapes = {name: (shape, "") for name, shape in tensors(values)}
    total = sum(math.prod(shape) for shape, _ in shapes.values())
    return {"raw": values, "config": {"model_type": "toy", **values}, "tensors": shapes, "inner": {}, "total": total}


def found_in(builds: list[Json]) -> Json:
    """A class as `samples.py` writes it down."""
    relevant = sorted(set(builds[0]["config"]) - {"model_type"})
    return {"class": NAME, "type": "toy", "samples": builds, "single": [], "default": None, "relevant": relevant}


def library_of(found: Json) -> Library:
    """What the miner makes of a class."""
    own = {"config": "toy", "defaults": {}, "names": found["relevant"]}
    return Library([json.dumps(each, separators=(",", ":")) for each in (blueprint_of(found), own)])


@pytest.mark.parametrize(("config", "tensors"), CASES, ids=[tensors.__name__ for _, tensors in CASES])
def test_a_form_is_found_and_counts_others(
    config: Callable[[random.Random], Json], tensors: Callable[[Json], Shapes]
) -> None:
    chance = random.Random(7)
    found = found_in([build(config(chance), tensors) for _ in range(44)])
    known = library_of(found)
    for _ in range(30):
        values = config(chance)
        tally = count_by_blueprint({"model_type": "toy", "architectures": [NAME], **values}, lambda _: 0, known)
        assert tally is not None and tally.total == build(values, tensors)["total"], values


def test_widths_that_double_are_multiplied_however_many_names_there_are() -> None:
    chance = random.Random(13)
    envs = [{f"size_{n}": width(chance) for n in range(30)} for _ in range(4)]
    texts = Arithmetic(Items(envs, [(s, i) for s in range(4) for i in range(3)], set())).level(3)[1]
    assert any(re.fullmatch(r"2\*\*i\*size_\d+\*size_\d+", text) for text in texts)


def by_layer(raw: Json) -> Json:
    """What a class makes of a configuration whose full layers have heads of their own size."""
    kinds = raw["layer_types"]
    own = {str(n): {"head_dim": raw["global_head_dim"]} for n, kind in enumerate(kinds) if kind == "full"}
    kept = {name: value for name, value in raw.items() if name != "global_head_dim"}
    return {**kept, "num_hidden_layers": len(kinds), "per_layer_config": own}


def test_layers_may_have_values_of_their_own() -> None:
    chance = random.Random(8)
    builds = []
    for _ in range(40):
        raw = {"model_type": "toy", "hidden_size": width(chance), "head_dim": 16 * chance.randint(1, 9),
               "global_head_dim": 16 * chance.randint(1, 20),
               "layer_types": chance.choices(["full", "sliding"], k=chance.randint(2, 6))}  # fmt: skip
        builds.append(_layered(raw))
    found = found_in(builds[:30])
    fields = {"head_dim": 16, "global_head_dim": 512, "hidden_size": 48, "layer_types": None}
    found["own"] = {"fields": fields, "popped": ["global_head_dim"], "aliases": {}, "sections": {}, "given": {},
                    "default": {}}  # fmt: skip
    line = blueprint_of(found)
    configs = Configs([found])
    own = configs.line("toy", used_in(line))
    known = Library([json.dumps(each, separators=(",", ":")) for each in (line, own)])
    for one in builds[30:]:
        for form in (one["raw"], one["config"]):
            tally = count_by_blueprint({**form, "architectures": [NAME]}, lambda _: 0, known)
            assert tally is not None and tally.total == one["total"], form


def _layered(raw: Json) -> Json:
    config = by_layer(raw)
    dims = [config["per_layer_config"].get(str(n), config)["head_dim"] for n in range(config["num_hidden_layers"])]
    shapes = {f"layers.{n}.query": ((dim, raw["hidden_size"]), "") for n, dim in enumerate(dims)}
    total = sum(math.prod(shape) for shape, _ in shapes.values())
    return {"raw": raw, "config": config, "tensors": shapes, "inner": {}, "total": total}


def test_a_part_that_nothing_changes_is_written_out() -> None:
    def tensors(c: Json) -> Shapes:
        yield "head", (c["size"], 3)
        for n in range(20):
            yield f"tower.{n}.weight", ((7 * n * n) % 31 + 1, 5)

    chance = random.Random(9)
    found = found_in([build({"size": width(chance)}, tensors) for _ in range(20)])
    known = library_of(found)
    one = build({"size": 5000}, tensors)
    tally = count_by_blueprint({**one["config"], "architectures": [NAME]}, lambda _: 0, known)
    assert tally is not None and tally.total == one["total"]


def test_what_only_the_default_shows_is_found() -> None:
    def tensors(c: Json) -> Shapes:
        for n in range(c["num_hidden_layers"]):
            yield f"layers.{n}.mix", (c["size"], 3)
            if n in c["global_places"]:
                yield f"layers.{n}.wide", (c["size"], 11)

    chance = random.Random(10)
    places = {"global_places": [1, 7]}
    builds = [build({"size": width(chance), "num_hidden_layers": chance.randint(1, 4), **places}, tensors)
              for _ in range(20)]  # fmt: skip
    default = build({"size": 48, "num_hidden_layers": 12, **places}, tensors)
    known = library_of({**found_in(builds), "default": default})
    tally = count_by_blueprint({**default["config"], "architectures": [NAME]}, lambda _: 0, known)
    assert tally is not None and tally.total == default["total"]


def sized(c: Json) -> Shapes:
    yield "head", (c["size"], 3)


def test_a_size_that_no_build_had_is_left_to_the_rules() -> None:
    chance = random.Random(11)
    found = found_in([build({"size": width(chance), "latent_size": None}, sized) for _ in range(20)])
    known = library_of(found)
    asked = {"model_type": "toy", "architectures": [NAME], "size": 96}
    for missing in ({}, {"latent_size": None}):
        assert count_by_blueprint({**asked, **missing}, lambda _: 0, known) is not None
    assert count_by_blueprint({**asked, "latent_size": 48}, lambda _: 0, known) is None


@pytest.mark.parametrize(("error", "is_refused"), [(1, False), (-10_000, True)])
def test_a_line_is_refused_only_where_the_rules_come_nearer(error: int, is_refused: bool, tmp_path: Path) -> None:
    chance = random.Random(12)
    builds = [build({"size": width(chance), "is_odd": n == 19}, sized) for n in range(20)]
    builds[19]["total"] = max(0, builds[19]["total"] + error)  # the rules count nothing
    found = found_in(builds)
    found["own"] = {"fields": {"size": 48, "is_odd": False}, "popped": [], "aliases": {}, "sections": {}, "given": {},
                    "default": {}}  # fmt: skip
    line = {"class": NAME, "tensors": [["3*size", "", [], ""]], "types": ["toy"], "seen": {}}
    write({NAME: line}, [found], tmp_path / "lines", {}, [])
    written = next(json.loads(text) for text in (tmp_path / "lines").read_text().splitlines() if '"class"' in text)
    assert written.get("unless", "") == ("is_odd" if is_refused else "")
