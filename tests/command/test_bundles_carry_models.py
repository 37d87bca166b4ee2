"""`ome bundle`: what one machine imported, another one that reaches no source gets, looks at, and can deploy."""

import json
from pathlib import Path

import pytest

from steps.resources import ResourceFolder
from tests.command.run_ome import ome
from tests.importing.pickled import global_of

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 32, "max_position_embeddings": 64,
}  # fmt: skip


def tiny_model(folder: Path) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    header = json.dumps({"model.embed_tokens.weight": {"dtype": "F32", "shape": [32, 8], "data_offsets": [0, 1024]}})
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(1024))
    return f"local://{folder}"


def test_a_model_moves_to_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_DISK_RESERVE", "1Mi")
    done = ome("import", tiny_model(tmp_path / "source"), "--name", "tiny")
    assert done.returncode == 0, done.stderr
    before = ResourceFolder().get("ClusterBaseModel", "tiny")
    written = ome("bundle", "export", "tiny", str(tmp_path / "tiny.tar"), "--output", "json")
    assert written.returncode == 0, written.stderr
    told = json.loads(written.stdout)
    assert (told["model"], told["files"], told["bytes"]) == ("tiny", 2, (tmp_path / "tiny.tar").stat().st_size)
    assert ome("bundle", "export", "tiny", f"{tmp_path}/unpacked/").returncode == 0

    monkeypatch.setenv("OME_HOME", str(tmp_path / "elsewhere"))
    for bundle, name in (("tiny.tar", "tiny"), ("unpacked", "other")):
        read = ome("bundle", "import", str(tmp_path / bundle), "--name", name, "--output", "json")
        assert read.returncode == 0, read.stderr
        resource = json.loads(read.stdout)
        assert {**resource["spec"], "storage": 0} == {**before["spec"], "storage": 0}
        assert resource["spec"]["storage"]["storageUri"] == before["spec"]["storage"]["storageUri"]
        assert resource["status"]["artifact"] == before["status"]["artifact"]
    shown = ome("get", "models")
    assert "tiny" in shown.stdout and "other" in shown.stdout and "LlamaForCausalLM" in shown.stdout
    assert ome("runtimes", "explain", "tiny").returncode == 0, "its facts are here"


def test_what_cannot_be_exported_or_imported_says_why(tmp_path: Path) -> None:
    result = ome("bundle", "export", "nobody", str(tmp_path / "x.tar"))
    assert result.returncode == 11 and '"nobody"' in result.stderr
    result = ome("bundle", "import", str(tmp_path / "nowhere.tar"))
    assert result.returncode == 11 and "nowhere.tar: does not exist" in result.stderr
    (tmp_path / "text").write_text("no tar" * 1000)
    result = ome("bundle", "import", str(tmp_path / "text"))
    assert result.returncode == 14 and "is no tar" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unsafe_pickle_ends_an_import_and_the_option_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OME_DISK_RESERVE", "1Mi")
    uri = tiny_model(tmp_path / "source")
    (tmp_path / "source" / "extra.pkl").write_bytes(global_of("os", "system"))
    command = ("import", uri, "--name", "tiny", "--allow", "*")
    refused = ome(*command)
    assert refused.returncode == 19, refused.stderr
    assert "error (unsafe): Cache the model: " in refused.stderr
    assert "extra.pkl would use os.system" in refused.stderr and "--unsafe-pickles allow" in refused.stderr
    assert ome("get", "models", "tiny").returncode == 11
    allowed = ome(*command, "--unsafe-pickles", "allow", "--output", "json")
    assert allowed.returncode == 0, allowed.stderr
    assert json.loads(allowed.stdout)["spec"]["storage"]["parameters"] == {"unsafePickles": "allow"}
