"""A token that a Secret should have given is named when it has not come; one that has come is in no log or object."""

import json
from typing import Any

import pytest

from steps.errors import AuthError
from steps.source_credentials import require_credentials
from tests.cluster_steps.cluster import Cluster
from tests.cluster_steps.models import NAME, add_tiny

TOKEN = "hf_reader"


@pytest.mark.parametrize("step", ["resolve-model", "parse-model", "cache-model"])
def test_a_secret_without_the_token_is_named_with_the_command_that_makes_it(cluster: Cluster, step: str) -> None:
    add_tiny(cluster.hub)
    inputs: dict[str, Any] = {"uri": NAME}
    if step != "resolve-model":
        inputs = {"manifest": cluster.run("resolve-model", uri=NAME).outputs["manifest"]}
    refused = cluster.run(step, secret="hub", secret_key="reader", **inputs)
    assert (refused.code, refused.failure["code"]) == (10, "auth")
    assert refused.failure["message"].startswith('Secret "hub" of namespace ome does not exist')
    assert '"reader"' in refused.failure["message"]
    assert "kubectl create secret generic hub -n ome --from-file=reader=FILE" in refused.failure["remedy"]


def test_a_token_opens_a_gated_model_and_is_kept_nowhere(cluster: Cluster) -> None:
    add_tiny(cluster.hub, settings="gated: auto\n")
    environment = {"HF_TOKEN": TOKEN}
    refused = cluster.run("resolve-model", uri=NAME)
    assert (refused.code, refused.failure["code"]) == (10, "auth")
    resolved = cluster.run("resolve-model", uri=NAME, secret="hub", environment=environment)
    digest = resolved.outputs["manifest"]
    ends = [
        refused,
        resolved,
        cluster.run("parse-model", manifest=digest, secret="hub", environment=environment),
        cluster.run("cache-model", name="tiny", manifest=digest, secret="hub", environment=environment),
        cluster.run("publish-model", name="tiny", uri=NAME, secret="hub"),
    ]
    assert [end.code for end in ends] == [10, 0, 0, 0, 0], "".join(end.log for end in ends)
    kept = [json.dumps([end.log, end.outputs, end.failure]) for end in ends]
    for plural in ("api/v1/namespaces/ome/configmaps", "apis/ome.io/v1beta1/clusterbasemodels", "api/v1/events"):
        kept.append(json.dumps(cluster.admin.request("GET", f"/{plural}")))
    files = [path for path in cluster.folder.rglob("*") if path.is_file() and "hub" not in path.parts]
    kept += [path.read_bytes().decode(errors="replace") for path in files]
    assert not any(TOKEN in text for text in kept)


def test_one_machine_is_told_that_it_keeps_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OME_CLUSTER_NAMESPACE", raising=False)
    require_credentials("hf://a/b", "", "token")
    with pytest.raises(AuthError, match="one machine keeps no Secrets") as caught:
        require_credentials("hf://a/b", "hub", "token")
    assert "HF_TOKEN" in caught.value.remedy
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    require_credentials("hf://a/b", "hub", "token")
