"""A 163-shard model with 11.5 MB of headers is parsed over HTTP in under 5 MB, to the last parameter."""

from pathlib import Path

import pytest

from steps.parse.foresee import Evidence, Outline, foresee
from steps.parse.layers import Layer
from steps.parse.model_facts import parse_facts
from steps.parse.safetensors import Tensor
from steps.parse.shards import reading_order
from steps.sources.registry import open_source
from steps.sources.source import ResolveOptions
from tests.hub.fixture import RunningHub
from tests.parsing.deepseek_shaped import SHARDS, shards, write_model
from tests.parsing.made_up_files import parse_folder, write_safetensors

REPOSITORY = "deep/shaped"
LIMIT = 5_000_000


def test_headers_of_163_shards_cost_under_5_megabytes(hub: RunningHub, capsys: pytest.CaptureFixture[str]) -> None:
    headers = write_model(hub.folder / REPOSITORY)
    uri = f"hf://{REPOSITORY}"
    source = open_source(uri)
    manifest = source.resolve(ResolveOptions())
    assert len(manifest.files) == SHARDS + 1
    hub.ledger.clear()
    facts = parse_facts(manifest, source)
    counts = hub.ledger.counts()
    with capsys.disabled():
        print(f"\n  {SHARDS} shards: {headers:,} bytes of headers, {counts.total_bytes:,} read")
    assert headers > 2 * LIMIT
    assert counts.total_bytes < LIMIT
    # Publicly known: 671.03 B and the draft layer of 13.46 B, 61 layers, FP8 with BF16.
    assert facts.parameters.total == 684_489_845_504
    assert facts.parameters.active == 37_552_297_472
    assert facts.parameters.confidence == "exact"
    assert "of 163 read" in facts.parameters.source
    assert facts.parameter_size == "684.49B"
    assert facts.bytes_in_memory == 688_574_839_360
    assert facts.dtype == "bfloat16"
    assert facts.quantization is not None
    assert facts.quantization.method == "fp8"


def test_an_odd_tensor_in_a_shard_read_last_makes_it_read_every_header(tmp_path: Path) -> None:
    write_model(tmp_path)
    index = reading_order(SHARDS)[-1]
    odd = dict(shards()[index])
    name = next(name for name in odd if name.endswith(".up_proj.weight"))
    odd[name] = ("F8_E4M3", (2048, 7168 * 2))
    write_safetensors(tmp_path / f"model-{index + 1:05d}-of-{SHARDS:06d}.safetensors", odd)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == 684_489_845_504 + 2048 * 7168
    assert facts.parameters.source == "safetensors headers"


LAYERS = (Layer("full", "dense"),) * 4
SEEN = [Tensor("model.embed.weight", "F32", (10,), 40), Tensor("model.layers.1.up.weight", "F32", (5,), 20)]


def test_nothing_is_foreseen_that_bytes_do_not_prove() -> None:
    headers = Evidence(data_bytes=40 + 4 * 20, header_bytes=519, read_bytes=204)
    found = foresee(SEEN, Outline(LAYERS, 0, 0), headers)
    assert found is not None
    assert sorted(t.name for t in found) == ["model.embed.weight", *(f"model.layers.{i}.up.weight" for i in range(4))]
    assert foresee(SEEN, Outline(LAYERS, 0, 0), headers._replace(data_bytes=40 + 4 * 20 + 1)) is None
    assert foresee(SEEN, Outline(LAYERS, 0, 0), headers._replace(header_bytes=5000)) is None
    differing = [*SEEN, Tensor("model.layers.2.up.weight", "F32", (6,), 24)]
    assert foresee(differing, Outline(LAYERS, 0, 0), headers) is None
    assert foresee(SEEN, Outline((), 0, 0), headers) is None


@pytest.mark.parametrize("count", [0, 1, 2, 5, 17, 163])
def test_every_shard_is_in_the_order_once_and_ends_come_first(count: int) -> None:
    order = reading_order(count)
    assert sorted(order) == list(range(count))
    assert set(order[:2]) <= {0, 1}
