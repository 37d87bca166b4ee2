"""Resolve, parse, cache and publish as four pods: what passes between them is in ConfigMaps and on the node."""

import json

import pytest

from steps.manifest import Manifest
from steps.model_owner import ModelOwner
from steps.requested_model import ModelRequest, requested_model, with_request
from tests.apiserver.client import Object
from tests.cluster_steps.cluster import WORKFLOWS, Cluster, config_map, unpacked
from tests.cluster_steps.models import NAME, add_tiny


def test_a_model_is_imported_by_four_pods(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    resolved = cluster.run("resolve-model", uri=NAME)
    assert resolved.code == 0, resolved.log
    digest = resolved.outputs["manifest"]
    stored = cluster.config_map(f"manifest-{digest[:12]}")
    assert stored["immutable"] is True
    assert stored["data"]["digest"] == digest
    assert stored["metadata"]["labels"]["ome.io/manifest"] == digest[:12]
    assert [owner["name"] for owner in stored["metadata"]["ownerReferences"]] == ["run"]
    assert unpacked(stored, "manifest.json.gz")["revision"] == resolved.outputs["revision"]

    parsed = cluster.run("parse-model", manifest=digest)
    assert parsed.code == 0, parsed.log
    facts = json.loads(parsed.outputs["facts"])
    assert facts["architecture"] == "LlamaForCausalLM"
    assert unpacked(cluster.config_map(f"facts-{digest[:12]}"), "facts.json.gz") == facts

    cached = cluster.run("cache-model", node="node-b", manifest=digest, name="tiny")
    assert cached.code == 0, cached.log
    assert cached.outputs["node"] == "node-b"
    assert cached.outputs["path"] == str(cluster.models("node-b") / "tiny")
    total = resolved.outputs["total_bytes"]
    assert cached.progress == f"{total}/{total}"
    assert (cluster.models("node-b") / "tiny/model.safetensors").is_file()
    again = cluster.run("cache-model", node="node-b", manifest=digest, name="tiny")
    assert (again.outputs["fetched_bytes"], again.outputs["reused_bytes"]) == ("0", total)

    published = cluster.run(
        "publish-model", name="tiny", uri=NAME, manifest=digest, facts=facts, path=cached.outputs["path"],
        environment={"OME_MODELS_ROOT": str(cluster.models("node-b"))},
    )  # fmt: skip
    assert published.code == 0, published.log
    model = cluster.admin.get(cluster_model("tiny"))
    assert model["spec"] == {"storage": {"storageUri": NAME}}, "facts are the controller's to write"
    assert "status" not in model


def test_a_manifest_outlives_the_first_of_two_workflows_that_need_it(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    digest = cluster.run("resolve-model", uri=NAME).outputs["manifest"]
    second = {"OME_WORKFLOW": "second", "OME_WORKFLOW_UID": "22222222-2222-2222-2222-222222222222"}
    for _ in range(2):
        assert cluster.run("resolve-model", uri=NAME, environment=second).code == 0
    assert owners(cluster, digest) == ["run", "second"]


def test_a_manifest_that_a_model_has_stays_without_owner(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    digest = cluster.run("resolve-model", uri=NAME).outputs["manifest"]
    adopt = {"metadata": {"ownerReferences": None}}
    cluster.admin.patch(config_map(f"manifest-{digest[:12]}"), adopt)
    assert cluster.run("resolve-model", uri=NAME).code == 0
    assert owners(cluster, digest) == []


def test_a_fork_with_the_same_files_is_read_from_its_own_place(cluster: Cluster) -> None:
    add_tiny(cluster.hub, settings="{gated: auto, tokens: [hf_reader]}")
    add_tiny(cluster.hub, "team/fork")
    reader = {"HF_TOKEN": "hf_reader"}
    first = cluster.run("resolve-model", uri=NAME, environment=reader).outputs
    fork = cluster.run("resolve-model", uri="hf://team/fork").outputs
    assert first["revision"] == fork["revision"]
    digest = fork["manifest"]
    stored = unpacked(cluster.config_map(f"manifest-{digest[:12]}"), "manifest.json.gz")
    assert stored["uri"] == "hf://team/fork"
    assert cluster.run("parse-model", manifest=digest).code == 0
    cached = cluster.run("cache-model", manifest=digest, name="fork")
    assert cached.code == 0, cached.log
    again = cluster.run("cache-model", manifest=digest, name="fork")
    assert again.outputs["fetched_bytes"] == "0"

    pinned = cluster.run("resolve-model", uri=f"{NAME}@{first['revision']}", environment=reader)
    assert pinned.outputs["manifest"] == first["manifest"], "another name of the revision is no other place"
    cluster.admin.delete(config_map(f"manifest-{first['manifest'][:12]}"))
    assert cluster.run("resolve-model", uri="hf://team/fork").outputs["manifest"] == digest, "it keeps its own"


def test_a_place_is_told_by_its_address_and_not_by_the_name_of_a_revision() -> None:
    one = Manifest(uri="s3://one/model", revision="r", files=(), parameters={"region": "eu"})
    others: list[Object] = [{"uri": "s3://two/model"}, {"parameters": {"region": "us"}}]
    assert len({one.with_origin.digest, *(one.model_copy(update=other).with_origin.digest for other in others)}) == 3
    hub = Manifest(uri="hf://acme/model", revision="r", files=())
    assert hub.model_copy(update={"uri": "hf://acme/model@v1"}).with_origin.digest == hub.with_origin.digest
    assert Manifest.model_validate_json(hub.with_origin.model_dump_json()).digest == hub.with_origin.digest
    assert "origin" not in hub.model_dump(), "an older version reads it too"


def test_a_manifest_that_is_gone_or_another_is_named(cluster: Cluster) -> None:
    digest = "0123456789ab" + "0" * 52
    missing = cluster.run("parse-model", manifest=digest)
    assert (missing.code, missing.failure["code"]) == (11, "not-found")
    assert "ome/manifest-0123456789ab" in missing.failure["message"]
    cluster.admin.create(config_map("manifest-0123456789ab") | {"data": {"digest": "f" * 64}})
    other = cluster.run("cache-model", manifest=digest, name="tiny")
    assert other.failure["code"] == "integrity"


def test_facts_of_a_newer_parser_replace_the_old(cluster: Cluster) -> None:
    add_tiny(cluster.hub)
    digest = cluster.run("resolve-model", uri=NAME).outputs["manifest"]
    assert cluster.run("parse-model", manifest=digest).code == 0
    old = {"binaryData": {"facts.json.gz": "AAAA"}}
    cluster.admin.patch(config_map(f"facts-{digest[:12]}"), old)
    parsed = cluster.run("parse-model", manifest=digest)
    assert unpacked(cluster.config_map(f"facts-{digest[:12]}"), "facts.json.gz") == json.loads(parsed.outputs["facts"])


@pytest.mark.parametrize("is_controllers", [False, True])
def test_only_a_persons_run_changes_what_a_model_asks(cluster: Cluster, is_controllers: bool) -> None:
    run = "run-of-controller" if is_controllers else "run-of-person"
    make_run(cluster, run, {"ome.io/inputs": "abc"} if is_controllers else {})
    cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": "hf://acme/old"}, "vendor": "acme"})
    environment = {"OME_WORKFLOW": run}
    changed = cluster.run("publish-model", name="tiny", uri=NAME, environment=environment)
    missing = cluster.run("publish-model", name="gone", uri=NAME, environment=environment)
    assert (changed.code, missing.code) == (0, 0), changed.log + missing.log
    spec = cluster.admin.get(cluster_model("tiny"))["spec"]
    names = {m["metadata"]["name"] for m in cluster.admin.request("GET", MODELS)["items"]}
    assert spec["vendor"] == "acme"
    if is_controllers:
        assert (spec["storage"]["storageUri"], names) == ("hf://acme/old", {"tiny"})
        assert "is gone since this run began" in missing.log
    else:
        assert (spec["storage"]["storageUri"], names) == (NAME, {"tiny", "gone"})


def test_a_base_model_asks_for_all_that_the_run_was_asked(cluster: Cluster) -> None:
    namespace = cluster.server.new_namespace("team")
    published = cluster.run(
        "publish-model", name="tiny", scope="BaseModel", namespace=namespace, uri=NAME, revision="v1",
        allow_patterns=["*.safetensors"], secret="hub", secret_key="reader", nodes=["node-a", "node-b"],
        path=str(cluster.models("node-a") / namespace / "tiny"),
    )  # fmt: skip
    assert published.code == 0, published.log
    found = cluster.admin.get(
        {"apiVersion": "ome.io/v1beta1", "kind": "BaseModel", "metadata": {"name": "tiny", "namespace": namespace}}
    )
    storage = found["spec"]["storage"]
    assert storage["storageUri"] == f"{NAME}@v1"
    assert (storage["key"], storage["parameters"]) == ("hub", {"secretKey": "reader"})
    assert storage["allowPatterns"] == ["*.safetensors"]
    terms = storage["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["node-a", "node-b"]
    assert "path" not in storage, "it is the default one"


def test_a_chosen_path_is_kept_and_any_node_is_no_affinity() -> None:
    request = ModelRequest(uri=NAME, path="/mnt/models/mine", models_root="/mnt/models", nodes=("",))
    storage = requested_model(ModelOwner("ClusterBaseModel", "", "tiny"), request)["spec"]["storage"]
    assert storage == {"storageUri": NAME, "path": "/mnt/models/mine"}


def test_an_allowance_of_pickles_is_asked_for_and_other_parameters_stay() -> None:
    owner = ModelOwner("ClusterBaseModel", "", "tiny")
    request = ModelRequest(
        uri=NAME, models_root="/mnt/models", secret="hub", secret_key="reader", unsafe_pickles="allow"
    )
    made = requested_model(owner, request)
    assert made["spec"]["storage"]["parameters"] == {"secretKey": "reader", "unsafePickles": "allow"}
    assert with_request(made, request) is made
    refusing = requested_model(owner, request.model_copy(update={"unsafe_pickles": "refuse"}))
    assert refusing["spec"]["storage"]["parameters"] == {"secretKey": "reader"}
    assert with_request(refusing, request) == made


def test_a_signature_that_was_asked_for_is_asked_for_by_the_model() -> None:
    owner = ModelOwner("ClusterBaseModel", "", "tiny")
    pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
    request = ModelRequest(uri=NAME, models_root="/mnt/models", signed_by=pem, signature="model.sig")
    made = requested_model(owner, request)
    assert made["spec"]["storage"]["parameters"] == {"signedBy": pem}
    assert with_request(made, request) is made
    named = request.model_copy(update={"signature": "ours.sig"})
    assert with_request(made, named)["spec"]["storage"]["parameters"] == {"signedBy": pem, "signature": "ours.sig"}


MODELS = "/apis/ome.io/v1beta1/clusterbasemodels"


def cluster_model(name: str) -> Object:
    return {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel", "metadata": {"name": name}}


def owners(cluster: Cluster, digest: str) -> list[str]:
    metadata = cluster.config_map(f"manifest-{digest[:12]}")["metadata"]
    return [owner["name"] for owner in metadata.get("ownerReferences", [])]


def make_run(cluster: Cluster, name: str, annotations: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": "ome", "annotations": annotations}
    cluster.admin.apply({"apiVersion": WORKFLOWS, "kind": "Workflow", "metadata": metadata})


def test_a_pinned_manifest_is_asked_for_by_the_model_that_a_run_makes() -> None:
    asked = ModelRequest(uri="hf://acme/tiny", models_root="/mnt/models", manifest_digest="12" * 32)
    made = requested_model(ModelOwner("ClusterBaseModel", "", "tiny"), asked)
    assert made["spec"]["storage"]["parameters"] == {"manifestDigest": "12" * 32}
    assert with_request(made, asked) == made
