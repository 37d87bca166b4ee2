"""`ome apply`, `get` and `delete` on the folder that is the cluster of one machine."""

import json
from pathlib import Path

import yaml

from tests.command.run_ome import ome

RUNTIME = """
apiVersion: ome.io/v1beta1
kind: ClusterServingRuntime
metadata: {name: mine}
spec:
  supportedModelFormats:
  - modelFormat: {name: gguf, version: "3"}
    autoSelect: true
  engineConfig:
    runner: {name: ome-container, image: example.org/mine:1, command: [mine]}
"""


def test_a_new_home_has_the_example_runtimes_and_accelerators() -> None:
    runtimes = ome("get", "runtimes")
    assert runtimes.returncode == 0, runtimes.stderr
    assert {"llama-cpp-python", "vllm", "sglang", "tgi"} <= set(runtimes.stdout.split())
    accelerators = json.loads(ome("get", "acceleratorclasses", "-o", "json").stdout)
    assert "cpu" in [a["metadata"]["name"] for a in accelerators]


def test_an_applied_resource_is_listed_shown_and_deleted() -> None:
    assert ome("apply", "-f", "-", stdin=RUNTIME).stdout == "ClusterServingRuntime/mine applied\n"
    shown = yaml.safe_load(ome("get", "csrt", "mine", "-o", "yaml").stdout)
    assert shown["spec"] == yaml.safe_load(RUNTIME)["spec"]
    assert ome("delete", "runtime", "mine").returncode == 0
    again = ome("get", "runtime", "mine")
    assert again.returncode == 11
    assert 'runtime "mine" does not exist' in again.stderr
    assert "llama-cpp-python" in again.stderr, "the remedy names what there is"


def test_resources_are_listed_by_name() -> None:
    for name in ("mine-too", "mine", "mine-and-yours"):
        assert ome("apply", "-f", "-", stdin=RUNTIME.replace("name: mine", f"name: {name}")).returncode == 0
    names = [r["metadata"]["name"] for r in json.loads(ome("get", "runtimes", "-o", "json").stdout)]
    assert names == sorted(names)


def test_an_example_runtime_that_a_user_deleted_or_edited_stays_so(tmp_path: Path) -> None:
    ome("get", "runtimes")
    assert ome("delete", "runtime", "tgi").returncode == 0
    edited = json.loads(ome("get", "csrt", "vllm", "-o", "json").stdout)
    edited["spec"]["disabled"] = True
    file = tmp_path / "vllm.yaml"
    file.write_text(yaml.safe_dump(edited))
    assert ome("apply", "-f", str(file)).returncode == 0
    runtimes = {r["metadata"]["name"]: r for r in json.loads(ome("get", "runtimes", "-o", "json").stdout)}
    assert "tgi" not in runtimes
    assert runtimes["vllm"]["spec"]["disabled"] is True


def test_unknown_fields_are_told_with_a_suggestion_and_kept() -> None:
    odd = RUNTIME.replace("autoSelect", "autoSelct")
    applied = ome("apply", "-f", "-", stdin=odd)
    assert applied.returncode == 0
    assert "autoSelct" in applied.stderr
    assert "autoSelect" in applied.stderr, "the suggestion"
    shown = yaml.safe_load(ome("get", "csrt", "mine", "-o", "yaml").stdout)
    assert shown["spec"]["supportedModelFormats"][0]["autoSelct"] is True


def test_a_bad_file_applies_nothing_and_names_every_fault() -> None:
    bad = RUNTIME + "---\n" + RUNTIME.replace("mine}", "other}").replace("autoSelect: true", "priority: none")
    result = ome("apply", "-f", "-", stdin=bad)
    assert result.returncode == 16
    assert "priority" in result.stderr
    assert "Traceback" not in result.stderr
    assert ome("get", "runtime", "mine").returncode == 11


def test_a_word_that_is_no_kind_is_refused_with_the_words_that_are() -> None:
    result = ome("get", "pods")
    assert result.returncode == 16
    assert '"pods"' in result.stderr
    assert "services" in result.stderr


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for file, code in (("nowhere.yaml", 11), (str(tmp_path), 16), (str(binary), 16)):
        result = ome("apply", "-f", file)
        assert result.returncode == code, result.stderr
        assert file in result.stderr and "--filename" in result.stderr


def test_nothing_of_several_files_is_applied_when_one_is_wrong(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(RUNTIME)
    bad.write_text("kind: [")
    assert ome("apply", "-f", str(good), "-f", str(bad)).returncode == 16
    assert ome("get", "runtime", "mine").returncode == 11


def test_kinds_are_understood_in_singular_and_plural() -> None:
    for words in (("accelerator", "accelerators", "acceleratorclass"), ("runtime", "runtimes")):
        assert len({ome("get", word).stdout for word in words}) == 1, words


def test_a_service_of_omes_older_form_is_stored_in_the_newer_one() -> None:
    service = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "old-chat"},
        "spec": {"predictor": {"minReplicas": 1, "model": {"baseModel": "m", "protocolVersion": "openAI"}}},
    }
    applied = ome("apply", "-f", "-", stdin=yaml.safe_dump(service))
    assert applied.returncode == 0, applied.stderr
    assert "without a place there: model.protocolVersion" in applied.stderr
    shown = json.loads(ome("get", "isvc", "old-chat", "-o", "json").stdout)
    assert shown["spec"] == {"model": {"name": "m"}, "engine": {"minReplicas": 1}}
    service["spec"] = {"predictor": {"minReplicas": 1}}
    refused = ome("apply", "-f", "-", stdin=yaml.safe_dump(service))
    assert refused.returncode == 16 and "spec.model: is missing" in refused.stderr
