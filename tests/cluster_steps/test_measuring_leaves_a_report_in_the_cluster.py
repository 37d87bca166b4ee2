"""ask-endpoint and benchmark-endpoint in pods: the tokenizer from the node, the report in a ConfigMap."""

import base64
import gzip
import json
import random
from pathlib import Path

import pytest

from steps.benchmark.records import CellRecords, RequestRecord
from steps.cluster.reports import LARGEST, choose_files
from steps.endpoint import Endpoint
from steps.upload_report import KINDS
from tests.benchmarking.made_up_gguf import write_gguf
from tests.benchmarking.openai_server import OpenAIServer, serving
from tests.benchmarking.test_tokenizer_is_made_from_the_model import byte_level
from tests.cluster_steps.cluster import Cluster, config_map, unpacked
from tests.cluster_steps.models import NAME
from tests.sources.plain_http import PlainClient
from tests.sources.s3_harness import ACCESS_KEY, REGION, SECRET_KEY, serve_gateway
from tests.sources.s3_signature import signer

MODEL = {"storage": {"storageUri": NAME}}


@pytest.mark.usefixtures("genai_bench_environment")
def test_a_benchmark_keeps_its_report_with_its_workflow(cluster: Cluster) -> None:
    folder = cluster.models("node-a") / "tiny"
    folder.mkdir()
    write_gguf(folder / "tiny.gguf", byte_level())
    cluster.make("ClusterBaseModel", "tiny", MODEL)
    with serving(OpenAIServer()) as server:
        ended = cluster.run(
            "benchmark-endpoint", name="nightly", model="tiny", scenarios=("D(8,8)",), concurrency=(2,),
            max_requests=20, max_minutes=1, endpoint=Endpoint(url=server.url, model_name=server.model),
            environment={"OME_CACHE": str(_cache())},
        )  # fmt: skip
    assert ended.code == 0, ended.log
    report = json.loads(ended.outputs["report"])
    assert (report["verdict"], report["errors"]) == ("Pass", 0)
    assert ended.outputs["report_folder"] == "configmap/report-run"
    assert ended.progress == "20/20"
    kept = cluster.config_map("report-run")
    assert kept["metadata"]["labels"]["ome.io/report"] == "nightly"
    assert [owner["name"] for owner in kept["metadata"]["ownerReferences"]] == ["run"]
    assert unpacked(kept, "results.json.gz")["report"]["cells"] == report["cells"]
    assert set(kept["binaryData"]) == {"report.html.gz", "results.json.gz"}
    assert not [path for path in folder.iterdir() if path.name != "tiny.gguf"], "the node's folder is only read"


def test_a_report_is_uploaded_from_where_it_was_kept(cluster: Cluster, tmp_path: Path) -> None:
    cell = CellRecords(scenario="D(8,8)", concurrency=2, records=(RequestRecord(ttft=0.25, output_tokens=8),))
    results = json.dumps({"cells": [cell.model_dump(mode="json", by_alias=True)]})
    page = "<p>" + random.Random(1).randbytes(300_000).hex()
    packed = {"report.html.gz": page, "results.json.gz": results}
    data = {key: base64.b64encode(gzip.compress(text.encode())).decode() for key, text in packed.items()}
    cluster.admin.create({**config_map("report-run"), "binaryData": data})
    (tmp_path / "gateway").mkdir()
    with serve_gateway(tmp_path / "gateway") as url:
        client = PlainClient(url, signer(ACCESS_KEY, SECRET_KEY, REGION))
        client.send("PUT", "/results")
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": REGION}
        ended = cluster.run(
            "upload-report", report_folder="configmap/report-run", output_uri="s3://results/speed",
            output_parameters={"endpoint": url}, environment=keys,
        )  # fmt: skip
        assert ended.code == 0, ended.log
        assert ended.outputs["report_uri"] == "s3://results/speed/run"
        there = {name: client.send("GET", f"/results/speed/run/{name}")[1].decode() for name in KINDS}
        assert (there["report.html"], there["results.json"]) == (page, results)
        assert '"D(8,8)",2,1,,0.25' in there["results.csv"]
        assert ended.outputs["left_out"] == ""
        cluster.admin.patch(config_map("report-run"), {"binaryData": {"results.json.gz": None}})
        ended = cluster.run(
            "upload-report", report_folder="configmap/report-run", output_uri="s3://results/page", result_folder="r",
            output_parameters={"endpoint": url}, environment=keys,
        )  # fmt: skip
        assert (ended.code, ended.outputs["left_out"]) == (0, "results.json, results.csv"), ended.log
        assert client.send("GET", "/results/page/r/report.html")[1].decode() == page
    missing = cluster.run("upload-report", report_folder="configmap/report-gone", output_uri="s3://results/speed")
    assert (missing.code, missing.failure["code"]) == (11, "not-found")


def test_a_node_without_the_model_is_named_with_what_places_the_load(cluster: Cluster) -> None:
    cluster.make("ClusterBaseModel", "tiny", MODEL)
    endpoint = Endpoint(url="http://127.0.0.1:1", model_name="tiny")
    ended = cluster.run("benchmark-endpoint", node="node-b", model="tiny", endpoint=endpoint)
    assert (ended.code, ended.failure["code"]) == (11, "not-found")
    assert f"node node-b has no folder {cluster.models('node-b') / 'tiny'}" in ended.failure["message"]
    assert "model_label" in ended.failure["remedy"]
    missing = cluster.run("benchmark-endpoint", model="nobody", endpoint=endpoint)
    assert (missing.code, missing.failure["code"]) == (11, "not-found"), "it may not list models, and need not"


def test_a_question_is_asked_from_a_pod(cluster: Cluster) -> None:
    with serving(OpenAIServer()) as server:
        ended = cluster.run("ask-endpoint", endpoint=Endpoint(url=server.url, model_name=server.model))
    assert ended.code == 0, ended.log
    assert ended.outputs["answer"]


def test_a_report_too_large_for_a_config_map_keeps_its_page() -> None:
    noise = random.Random(1).randbytes(LARGEST).hex()
    kept, left_out = choose_files({"report.html": "<p>", "results.json": noise})
    assert list(kept) == ["report.html"]
    assert left_out["results.json"] > LARGEST
    both, nothing = choose_files({"report.html": "<p>", "results.json": "{}"})
    assert (list(both), nothing) == (["report.html", "results.json"], {})


def _cache() -> str:
    from images.environment import cache_folder

    return str(cache_folder())
