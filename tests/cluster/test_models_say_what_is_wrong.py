"""Models that cannot come: a condition with cause and remedy after few attempts; ready once the cause is mended."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import POOL, URI, condition, model
from tests.cluster.ring import Cluster
from tests.cluster.runs import runs_of, waits_between_runs
from tests.cluster.tiny_model import tiny_model
from tests.cluster.waiting import wait_gone, wait_until

LOOK_SECONDS = 20
"""Until a full disk is looked at again."""
WRONG, RIGHT = "hf_wrong", "hf_reader"


def secret(name: str, namespace: str, token: str) -> Object:
    """A Secret with a token."""
    data = {"token": base64.b64encode(token.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def until_state(kubectl: Kubectl, kind: str, name: str, state: str, namespace: str = "") -> Object:
    """Wait for `status.state`."""
    return wait_until(
        kubectl, kind, name, lambda m: (m.get("status") or {}).get("state") == state,
        namespace=namespace, what=state,
    )  # fmt: skip


@contextmanager
def looking_again_every(kubectl: Kubectl, seconds: int) -> Iterator[None]:
    """The controller, while it waits no longer than this for what a person has to mend on a node."""
    try:
        _set_slow_retry(kubectl, f"={seconds}")
        yield
    finally:
        _set_slow_retry(kubectl, "-")


def _set_slow_retry(kubectl: Kubectl, value: str) -> None:
    deployment, scope = "deployment/ome-controller", "--namespace=ome"
    kubectl("set", "env", deployment, scope, f"OME_CONTROLLER_SLOW_RETRY_SECONDS{value}")
    kubectl("rollout", "status", deployment, scope, "--timeout=600s")


def remove(kubectl: Kubectl, kind: str, name: str, namespace: str = "") -> None:
    """Delete a model and wait until it is gone."""
    scope = [f"--namespace={namespace}"] if namespace else []
    kubectl("delete", kind, name, *scope, "--wait=false")
    wait_gone(kubectl, kind, name, namespace=namespace)


def test_a_wrong_token_is_told_and_the_right_one_is_enough(
    installed: Kubectl, cluster: Cluster, hub: ClusterHub, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "gated"
    hub.add("acme/gated", tiny_model(tmp_path), settings=f"gated: manual\ntokens: [{RIGHT}]\n")
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(secret("gated-token", "ome", WRONG))
    kubectl.apply(model(name, "hf://acme/gated", key="gated-token"))
    told = condition(until_state(kubectl, "clusterbasemodel", name, "Failed"))
    assert told["reason"] == "AuthFailed"
    assert "acme/gated" in told["message"] and "token" in told["message"]
    assert runs_of(kubectl, "import", name) == 1, "a refused token is not tried again"

    kubectl.apply(secret("gated-token", "ome", RIGHT))
    until_state(kubectl, "clusterbasemodel", name, "Ready")
    assert_nothing_says(cluster, WRONG, RIGHT)
    remove(kubectl, "clusterbasemodel", name)
    kubectl("delete", "secret", "gated-token", "--namespace=ome")


def test_a_tenants_token_is_read_where_the_tenant_allows_it_and_its_copy_goes(
    installed: Kubectl, cluster: Cluster, hub: ClusterHub, namespace: str, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name, scope = installed, "tenants", f"--namespace={namespace}"
    hub.add("acme/tenants", tiny_model(tmp_path), settings=f"private: true\ntokens: [{RIGHT}]\n")
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(secret("hub-token", namespace, RIGHT))
    kubectl.apply(model(name, "hf://acme/tenants", namespace=namespace, key="hub-token"))
    told = wait_until(
        kubectl, "basemodel", name, lambda m: condition(m).get("reason") == "SecretNotReadable", namespace=namespace
    )
    assert "kubectl create role" in condition(told)["message"] and "hub-token" in condition(told)["message"]

    kubectl("create", "role", "hub-token", scope, "--verb=get", "--resource=secrets", "--resource-name=hub-token")
    kubectl("create", "rolebinding", "hub-token", scope, "--role=hub-token", "--serviceaccount=ome:ome-controller")
    until_state(kubectl, "basemodel", name, "Ready", namespace)
    assert_nothing_says(cluster, RIGHT)
    remove(kubectl, "basemodel", name, namespace)
    assert [s["metadata"]["name"] for s in kubectl.list("secret", "ome") if name in s["metadata"]["name"]] == []


def assert_nothing_says(cluster: Cluster, *tokens: str) -> None:
    """No object but a Secret, no event and no log of any pod holds a token, as it is or in base64.

    Nor does that of any program of this machine's cluster, Argo's among them, which elsewhere are pods.
    """
    kubectl = cluster.kubectl
    words = [spelling for token in tokens for spelling in (token, base64.b64encode(token.encode()).decode())]
    logs = {}
    for pod in kubectl.list("pod"):  # before all else: those of a run go a minute after it
        name, of = pod["metadata"]["name"], pod["metadata"]["namespace"]
        logs[name] = "" if of == "test-hub" else kubectl.tell("logs", name, f"--namespace={of}", "--all-containers")
    if isinstance(cluster, LocalCluster):
        logs |= {part: cluster.components.log(part).read_text(errors="replace") for part in cluster.components.names()}
    assert not [name for name, text in logs.items() if any(word in text for word in words)]
    assert any("-cache-model-" in name and "bytes fetched" in text for name, text in logs.items()), list(logs)
    kinds = kubectl("api-resources", "--verbs=list", "-o", "name").split()
    for kind in (kind for kind in kinds if kind != "secrets"):
        text = kubectl("get", kind, "--all-namespaces", "-o", "json")
        assert not [word for word in words if word in text], kind


def test_a_model_that_does_not_parse_is_told_and_read_again_when_asked(
    installed: Kubectl, hub: ClusterHub, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "unreadable"
    hub.add("acme/unreadable", tiny_model(tmp_path, config=b'{"model_type": "llama", '))
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(name, "hf://acme/unreadable"))
    failed = until_state(kubectl, "clusterbasemodel", name, "Failed")
    told = condition(failed, "Parsed")
    assert (told["status"], told["reason"]) == ("False", "InvalidInput"), failed["status"]
    assert "config.json" in told["message"]
    assert runs_of(kubectl, "import", name) == 1, "what is wrong in its files is not read again"

    hub.add("acme/unreadable", tiny_model(tmp_path))
    kubectl("annotate", "clusterbasemodel", name, "ome.io/retry=1")
    ready = until_state(kubectl, "clusterbasemodel", name, "Ready")
    assert ready["spec"]["modelArchitecture"] == "LlamaForCausalLM"
    remove(kubectl, "clusterbasemodel", name)


def test_a_full_disk_is_told_with_its_numbers_and_filled_when_there_is_room(
    installed: Kubectl, hub: ClusterHub, local_cluster: LocalCluster, pool: list[str]
) -> None:
    kubectl, name, node = installed, "too-large", local_cluster.nodes[-1]
    kubectl("label", "node", node.name, f"{POOL}=yes")
    with looking_again_every(kubectl, LOOK_SECONDS):
        with node.small_disk("/mnt/models", "48m"):
            kubectl.apply(model(name, URI))
            told = condition(until_state(kubectl, "clusterbasemodel", name, "Failed"))
            assert told["reason"] == "DiskFull"
            assert node.name in told["message"] and "needs 93.8 MiB" in told["message"], told
        until_state(kubectl, "clusterbasemodel", name, "Ready")
    waits = waits_between_runs(kubectl, "import", name)
    assert waits and min(waits) >= LOOK_SECONDS, "each look waits, and the last one found room"
    remove(kubectl, "clusterbasemodel", name)


def test_a_folder_of_another_model_is_refused(
    installed: Kubectl, hub: ClusterHub, namespace: str, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "owner"
    hub.add("acme/owner", tiny_model(tmp_path))
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(name, "hf://acme/owner"))
    until_state(kubectl, "clusterbasemodel", name, "Ready")
    kubectl.apply(model("intruder", URI, namespace=namespace, path=f"/mnt/models/{name}"))
    told = condition(until_state(kubectl, "basemodel", "intruder", "Failed", namespace))
    assert told["reason"] == "InvalidInput" and f"ClusterBaseModel/{name}" in told["message"], told
    remove(kubectl, "basemodel", "intruder", namespace)
    again = kubectl.get("clusterbasemodel", name)
    assert condition(again)["status"] == "True"
    remove(kubectl, "clusterbasemodel", name)


def test_a_fine_tuned_weight_says_that_nothing_comes_of_it(installed: Kubectl) -> None:
    kubectl, name = installed, "polite"
    spec = {
        "baseModelRef": {"name": "smollm2"},
        "modelType": "LoRA",
        "hyperParameters": {"strategy": "lora"},
        "storage": {"storageUri": "hf://acme/polite"},
    }
    metadata = {"name": name}
    kubectl.apply({"apiVersion": "ome.io/v1beta1", "kind": "FineTunedWeight", "metadata": metadata, "spec": spec})
    told = condition(until_state(kubectl, "finetunedweight", name, "Failed"))
    assert told["reason"] == "Unsupported" and "Merge it into its base model" in told["message"]
    remove(kubectl, "finetunedweight", name)
