"""Ctrl-C stops the service that a pipeline started; its retry starts it again instead of asking one that is gone."""

import json
import signal
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from tests.command.run_ome import ome
from tests.command.test_several_at_once_and_kills import start, wait_for_line
from tests.quickstart.processes import describe, processes_of

ENGINE = """
import http.server, json, pathlib, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.answer({"data": [{"id": sys.argv[2]}]})

    def do_POST(self):
        while not pathlib.Path(sys.argv[3]).exists():
            time.sleep(0.02)
        message = {"message": {"role": "assistant", "content": "awake"}, "finish_reason": "stop"}
        self.answer({"choices": [message], "usage": {"completion_tokens": 1}})

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def awake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and a runtime whose engine answers once this file exists; no environment has to be installed."""
    programs, file = tmp_path / "programs", tmp_path / "awake"
    programs.mkdir()
    (programs / "llama-server").write_text("#!/bin/sh\n")
    (programs / "llama-server").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    (tmp_path / "engine.py").write_text(ENGINE)
    command = [sys.executable, "-I", "-S", str(tmp_path / "engine.py"), "$(PORT)", "$(SERVED_MODEL_NAME)", str(file)]
    runtime = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": "sleepy"},
        "spec": {
            "supportedModelFormats": [{"modelFormat": {"name": "safetensors"}, "autoSelect": True}],
            "engineConfig": {"runner": {"name": "ome-container", "image": "example.org/x:1", "command": command}},
        },
    }
    assert ome("apply", "-f", "-", stdin=yaml.safe_dump(runtime)).returncode == 0
    model = tmp_path / "model"
    model.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [16, 8], "data_offsets": [0, 512]}}).encode()
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(512))
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1}
    (model / "config.json").write_text(json.dumps({**config, "num_attention_heads": 1, "vocab_size": 16}))
    return file


def test_a_cancelled_onboarding_goes_on_with_its_service_started_again(
    awake: Path, tmp_path: Path, ome_home: Path
) -> None:
    process = start("onboard", f"local://{tmp_path}/model", "--runtime", "sleepy", "--no-benchmark")
    try:
        wait_for_line(process, "✓ Deploy the service")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    (run,) = json.loads(ome("runs", "list", "-o", "json").stdout)
    assert (process.returncode, run["phase"]) == (130, "Cancelled")
    assert f"ome runs retry {run['run']}" in told
    assert "cancelled; run the same command again" in told
    psutil.wait_procs(processes_of(ome_home), timeout=10)
    assert describe(processes_of(ome_home)) == []

    awake.touch()
    retried = ome("runs", "retry", run["run"], "-o", "json")
    try:
        assert retried.returncode == 0, retried.stderr
        summary = json.loads(retried.stdout)
        assert summary["answer"] == "awake"
        assert "kept from before: resolve, parse, select, cache, publish\n" in retried.stderr
        assert (
            json.loads(ome("get", "services", "-o", "json").stdout)[0]["status"]["url"] == summary["endpoint"]["url"]
        )
    finally:
        ome("down")


def test_being_told_twice_to_stop_leaves_no_process(awake: Path, tmp_path: Path, ome_home: Path) -> None:
    process = start("onboard", f"local://{tmp_path}/model", "--runtime", "sleepy", "--no-benchmark")
    wait_for_line(process, "✓ Deploy the service")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    psutil.wait_procs(processes_of(ome_home), timeout=10)
    assert describe(processes_of(ome_home)) == []
