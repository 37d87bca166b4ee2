"""`ome fit`: a verdict with its terms for an accelerator that is not there, and what would fit."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.command.fit_options import Wanted, engine_for, known_accelerators, parse_tokens, parse_wanted
from steps.errors import InvalidInputError
from steps.selection.memory import GIB, MIB
from tests.command.run_ome import ome
from tests.parsing.made_up_files import write_config
from tests.parsing.public_models import MODELS


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model of 7.62 billion parameters, of which only the configuration is there."""
    known = next(model for model in MODELS if model.name == "Qwen2.5-7B")
    write_config(tmp_path / "Qwen2.5-7B", {**known.config, "torch_dtype": "bfloat16"})
    return f"local://{tmp_path}/Qwen2.5-7B"


def test_the_terms_are_printed_and_add_up(model: str) -> None:
    result = ome("fit", model, "--gpu", "h100", "--context", "32k", "--concurrency", "8", "--what-fits")
    assert result.returncode == 0, result.stderr
    printed = result.stdout
    assert printed.startswith("Qwen2.5-7B, 7.62B parameters\n  verdict    fits, ")
    assert "1 x nvidia-h100-80gb, vllm" in printed
    assert "8 x 32,768 tokens" in printed
    assert "the number of parameters is estimated" in printed
    table = printed.partition("ON EACH DEVICE")[2].partition("at most")[0].splitlines()[1:]
    sizes = [float(line.rsplit(None, 2)[1]) for line in table if line.strip()]
    *terms, needed, usable = sizes
    assert sum(terms) == pytest.approx(needed, abs=0.05)
    assert needed < usable
    assert "$3.29 an hour, $" in printed
    assert "RunPod Secure Cloud, 2026-08-19" in printed
    assert "TOKENS A SEQUENCE  SEQUENCES AT ONCE\n2,048" in printed
    assert not [line for line in printed.splitlines() if len(line) > 110]


def test_a_context_that_the_model_does_not_have_is_refused(model: str) -> None:
    result = ome("fit", model, "--gpu", "h100", "--context", "256k")
    assert result.returncode == InvalidInputError.exit_code, result.stdout
    assert "--context: 262,144 tokens are more than the 131,072 that the model was made for" in result.stderr
    assert "Give 131072 at most" in result.stderr


def test_programs_get_json(model: str) -> None:
    options = ("--tensor-parallel", "2", "--kv-cache-dtype", "fp8", "--engine", "sglang", "--output", "json")
    result = ome("fit", model, "--gpu", "l4:4", *options)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["accelerator"], report["engine"]) == ("nvidia-l4-24gb", "sglang")
    assert report["parallelism"] == {"tensor": 2, "pipeline": 1, "data": 1}
    assert report["fit"]["kvCache"] == 131072 * 2 * 28 * 2 * 128  # two of four heads, a byte a value
    assert report["margin"] == report["fit"]["available"] - report["fit"]["needed"]
    assert report["dollarsPerHour"] is None


def test_what_fits_is_listed_by_price(model: str) -> None:
    result = ome("fit", model, "--what-fits", "--context", "8k", "--output", "json")
    assert result.returncode == 0, result.stderr
    reports = json.loads(result.stdout)
    prices = [report["dollarsPerHour"] for report in reports if report["dollarsPerHour"] is not None]
    assert prices == sorted(prices)
    assert len(prices) >= 5
    assert "cpu" not in {report["accelerator"] for report in reports}
    assert {report["fit"]["verdict"] for report in reports} <= {"fits", "tight"}


def test_an_unknown_accelerator_is_told_before_the_model_is_read() -> None:
    result = ome("fit", "local:///nowhere", "--gpu", "h1000")
    assert result.returncode == 11
    assert "error (not-found): there is no accelerator class h1000" in result.stderr
    assert "Nearest: nvidia-h100-80gb" in result.stderr


def test_no_accelerator_is_refused_with_the_remedy() -> None:
    result = ome("fit", "local:///nowhere")
    assert result.returncode == 16
    assert "Name one: --gpu h100, or ask with --what-fits." in result.stderr


@pytest.mark.parametrize(
    ("text", "tokens"), [("8192", 8192), ("32k", 32768), ("128K", 131072), ("1M", 1048576), ("", 0), (" 4k ", 4096)]
)
def test_tokens_are_written_shortly(text: str, tokens: int) -> None:
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["0", "-1", "32 k", "32kb", "k", "many", "1.5k"])
def test_what_is_no_number_of_tokens_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no number of tokens"):
        parse_tokens(text)


@given(st.text(max_size=20))
def test_any_text_is_a_number_of_tokens_or_refused(text: str) -> None:
    try:
        assert parse_tokens(text) >= 0
    except InvalidInputError as error:
        assert "32k" in error.remedy


def test_devices_are_counted_after_a_colon() -> None:
    assert parse_wanted("h100") == Wanted("h100", 0)
    assert parse_wanted("h100:4") == Wanted("h100", 4)
    for wrong in ("h100:", "h100:0", "h100:two", ":4", ""):
        with pytest.raises(InvalidInputError, match="NAME:COUNT"):
            parse_wanted(wrong)


def test_the_engine_is_the_formats_and_has_the_options() -> None:
    assert engine_for(None, "safetensors").family == "vllm"
    gguf = engine_for(None, "gguf", sequences=4, context=2048, kv_cache="q8_0")
    assert (gguf.family, gguf.slots, gguf.context, gguf.kv_cache_bits) == ("llama.cpp", 4, 2048, 8.5)
    asked = engine_for(
        "sglang", "safetensors", tensor=2, pipeline=3, data=4, expert_parallel=True, utilisation=0.5, eager=True,
        adapters=5, adapter_rank=6, sequences=7, nodes=2, kv_cache="auto",
    )  # fmt: skip
    assert (asked.family, asked.tensor, asked.pipeline, asked.data) == ("sglang", 2, 3, 4)
    assert (asked.is_expert_parallel, asked.utilisation, asked.is_eager) == (True, 0.5, True)
    assert (asked.adapter_slots, asked.adapter_rank, asked.slots) == (5, 6, 1)
    assert (asked.can_span_nodes, asked.kv_cache_bits) == (True, 0.0)
    assert engine_for("vllm", "safetensors", adapter_rank=16).adapter_rank == 0
    with pytest.raises(InvalidInputError, match='"small" names no number of bits'):
        engine_for("vllm", "safetensors", kv_cache="small")


def test_a_device_is_as_large_as_it_reports_itself() -> None:
    known = {one.accelerator.name: one for one in known_accelerators()}
    assert known["nvidia-l4-24gb"].device.memory == 23034 * MIB
    assert known["amd-mi300x-192gb"].device.memory == int(192 * GIB * 0.92)
    assert known["cpu"].device.kind == "cpu"
    assert known["nvidia-h100-80gb"].price == "RunPod Secure Cloud, 2026-08-19"
    assert known["nvidia-l4-24gb"].price == ""
