"""A failed command says which step, which value, what to do, and how to go on; its exit code is the class."""

import errno
import os
from pathlib import Path

import pytest

from pipelines.command.faults import told_fault
from pipelines.command.model_name import name_of
from steps.errors import DiskFullError
from tests.command.run_ome import ome
from tests.hub.fixture import running_hub
from tests.hub.server import HubOptions


def test_a_uri_without_a_scheme_is_refused_before_anything_starts(ome_home: Path) -> None:
    result = ome("import", "just-a-name")
    assert result.returncode == 16
    assert '"just-a-name"' in result.stderr
    assert "hf://" in result.stderr
    assert not (ome_home / "runs").exists()


def test_a_bad_name_is_refused_before_anything_starts(ome_home: Path) -> None:
    for command in (
        ("import", "local:///models/x", "--name", "Bad Name"),
        ("onboard", "local:///models/x", "--service", "Bad_Name"),
        ("deploy", "x", "--service", "Bad_Name"),
    ):
        result = ome(*command)
        assert result.returncode == 16
        assert f'{command[-2]}: "{command[-1]}" is not a valid name' in result.stderr
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


def test_what_is_no_url_of_an_endpoint_is_refused_before_anything_starts(ome_home: Path) -> None:
    for url in ("http://[::1", "http://chat:none/v1", "https://"):
        result = ome("benchmark", url, "--model", "x")
        assert result.returncode == 16, (url, result.stderr)
        assert f'"{url}"' in result.stderr and "http://host:8080" in result.stderr
    assert not (ome_home / "runs").exists()


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


def test_a_password_in_a_uri_or_url_is_refused_before_a_record_keeps_it(ome_home: Path) -> None:
    for arguments in (
        ("import", "hf://user:hunter2@org/name", "--name", "x"),
        ("onboard", "hf://user:hunter2@org/name", "--name", "x"),
        ("parse", "hf://user:hunter2@org/name"),
        ("benchmark", "http://user:hunter2@127.0.0.1:9/v1", "--model", "x"),
    ):
        result = ome(*arguments)
        assert result.returncode == 16, (arguments, result.stderr)
        assert "hunter2" not in result.stderr
    assert not (ome_home / "runs").exists()


@pytest.mark.parametrize("below", ["", "/home", "/some/home"])
def test_a_home_that_cannot_be_had_is_named_without_a_traceback(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OME_HOME", f"{tmp_path}/file{below}")
    result = ome("get", "models")
    assert result.returncode == 16
    assert f"{tmp_path}/file" in result.stderr and "OME_HOME" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_fault_of_ours_keeps_its_traceback_in_a_file_and_tells_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for home in (tmp_path / "home", tmp_path / "file" / "home"):  # the second cannot be made
        (tmp_path / "file").touch()
        monkeypatch.setenv("OME_HOME", str(home))
        try:
            raise KeyError("nothing")
        except KeyError as fault:
            told = told_fault(fault, ["ome", "get"])
        assert told.exit_code == 1
        log = Path(told.remedy.split()[-1].rstrip("."))
        assert log.read_text().startswith("ome get\n")
        assert "KeyError: 'nothing'" in log.read_text()
        log.unlink()
    full = told_fault(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/record"), ["ome"])
    assert isinstance(full, DiskFullError) and "/x/record" in full.message


def test_no_proxy_stands_between_ome_and_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with running_hub(HubOptions(tmp_path / "hub")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        result = ome("parse", "hf://acme/missing")
    assert "repository" in result.stderr.lower(), result.stderr
    assert result.returncode in (10, 11), "the hub itself has answered"
