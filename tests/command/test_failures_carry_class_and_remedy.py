"""A failed command says which step, which value, what to do, and how to go on; its exit code is the class."""

from pathlib import Path

import pytest

from pipelines.command.model_name import name_of
from tests.command.run_ome import ome


def test_a_uri_without_a_scheme_is_refused_before_anything_starts(ome_home: Path) -> None:
    result = ome("import", "just-a-name")
    assert result.returncode == 16
    assert '"just-a-name"' in result.stderr
    assert "hf://" in result.stderr
    assert not (ome_home / "runs").exists()


def test_a_missing_local_model_names_the_path_the_log_and_how_to_retry(tmp_path: Path) -> None:
    result = ome("import", f"local://{tmp_path}/nowhere")
    assert result.returncode == 11, result.stderr
    assert f"{tmp_path}/nowhere" in result.stderr
    assert "log: " in result.stderr
    assert "ome runs retry import-model-" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_hub_that_cannot_be_reached_is_a_network_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    result = ome("parse", "hf://org/name")
    assert result.returncode == 20, result.stderr
    assert "127.0.0.1:9" in result.stderr


def test_asking_a_service_that_does_not_exist_names_what_there_is() -> None:
    result = ome("ask", "nobody", "hello?")
    assert result.returncode == 11
    assert 'service "nobody" does not exist' in result.stderr


def test_selecting_for_an_unknown_model_is_not_found() -> None:
    result = ome("runtimes", "explain", "nobody")
    assert result.returncode == 11
    assert '"nobody"' in result.stderr


def test_a_run_that_does_not_exist_is_not_found() -> None:
    for arguments in (("show", "nope"), ("retry", "nope"), ("logs", "nope", "x")):
        result = ome("runs", *arguments)
        assert result.returncode == 11, arguments
        assert '"nope"' in result.stderr


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("hf://HuggingFaceTB/SmolLM2-135M-Instruct@main", "smollm2-135m-instruct"),
        ("local:///models/Meta_Llama 3.gguf", "meta-llama-3"),
        ("hf://org/7B-chat", "m-7b-chat"),
        ("local:///models/x/", "x"),
    ],
)
def test_names_derive_from_uris(uri: str, name: str) -> None:
    assert name_of(uri) == name
