"""A model in a PersistentVolumeClaim: parsed and served in place, told when it is not there, gone without a trace."""

from collections.abc import Callable, Iterator

import pytest

from pipelines.command.sample_model import FILE, REPOSITORY
from tests.cluster.asking import ask
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import MARK, condition, model, service
from tests.cluster.ring import workers
from tests.cluster.waiting import wait_gone, wait_none, wait_ready, wait_until

CLAIM, FOLDER = "weights", "models/smollm2"
_FILL = """
import pathlib, shutil, sys, urllib.request
folder = pathlib.Path("/volume", sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
with urllib.request.urlopen(sys.argv[2], timeout=120) as answer, (folder / sys.argv[3]).open("wb") as file:
    shutil.copyfileobj(answer, file)
"""
_EMPTY = "rm -rf /volume/*"


@pytest.fixture
def claim(
    serving: Kubectl, hub: ClusterHub, namespace: str, image: Callable[[str], str]
) -> Iterator[tuple[Kubectl, str]]:
    """A claim of the test's namespace, bound to a folder of one node, which holds SmolLM2."""
    kubectl, volume = serving, f"claims-{namespace}"
    node = workers(kubectl)[0]
    kubectl.apply(*claim_objects(volume, namespace, node))
    link = f"{hub.url}/{REPOSITORY}/resolve/main/{FILE}"
    in_a_pod(kubectl, namespace, image("ome-steps"), ["python", "-c", _FILL, FOLDER, link, FILE])
    yield kubectl, namespace
    in_a_pod(kubectl, namespace, image("ome-steps"), ["sh", "-c", _EMPTY])
    kubectl("delete", "persistentvolumeclaim", CLAIM, f"--namespace={namespace}", "--wait=false")
    kubectl("delete", "persistentvolume", volume, "--wait=false")


def claim_objects(volume: str, namespace: str, node: str) -> list[Object]:
    """A folder of a node as a PersistentVolume, and a claim that only it satisfies."""
    size, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
    on_the_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume, "labels": MARK},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "storageClassName": "",
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"/mnt/claims/{namespace}", "type": "DirectoryOrCreate"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_the_node]}]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": namespace, "labels": MARK},
            "spec": {
                "accessModes": modes,
                "storageClassName": "",
                "volumeName": volume,
                "resources": {"requests": size},
            },
        },
    ]


def in_a_pod(kubectl: Kubectl, namespace: str, image: str, command: list[str]) -> None:
    """Run a command to its end, as root, where the claim is mounted to write."""
    name = "fills"
    container = {
        "name": "fills", "image": image, "imagePullPolicy": "IfNotPresent", "command": command,
        "securityContext": {"runAsUser": 0}, "volumeMounts": [{"name": "claim", "mountPath": "/volume"}],
    }  # fmt: skip
    volume = {"name": "claim", "persistentVolumeClaim": {"claimName": CLAIM}}
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": MARK},
        "spec": {"restartPolicy": "Never", "containers": [container], "volumes": [volume]},
    }  # fmt: skip
    kubectl.apply(pod)
    done = wait_until(
        kubectl, "pod", name, lambda p: (p.get("status") or {}).get("phase") in ("Succeeded", "Failed"),
        namespace=namespace, what="ended",
    )  # fmt: skip
    assert done["status"]["phase"] == "Succeeded", kubectl.tell("logs", name, f"--namespace={namespace}")
    kubectl("delete", "pod", name, f"--namespace={namespace}")


def in_claim(name: str, uri: str, namespace: str) -> Object:
    """A BaseModel that stays in a claim."""
    made = model(name, uri, namespace=namespace)
    del made["spec"]["storage"]["nodeSelector"]
    return made


def until(kubectl: Kubectl, name: str, namespace: str, state: str) -> Object:
    """Wait for the model's `status.state`."""
    return wait_until(
        kubectl, "basemodel", name, lambda m: (m.get("status") or {}).get("state") == state,
        namespace=namespace, what=state,
    )  # fmt: skip


def readers(kubectl: Kubectl, namespace: str) -> list[str]:
    """Pods that read claims, and are there still."""
    found = kubectl.list("pod", namespace, "app.kubernetes.io/component=claim-reader")
    return [pod["metadata"]["name"] for pod in found]


def test_a_model_is_served_from_its_claim_and_leaves_nothing(
    claim: tuple[Kubectl, str], image: Callable[[str], str]
) -> None:
    (kubectl, namespace), name = claim, "in-a-claim"
    kubectl.apply(in_claim(name, f"pvc://{CLAIM}/{FOLDER}", namespace))
    ready = until(kubectl, name, namespace, "Ready")
    assert ready["spec"]["modelFormat"]["name"] == "gguf" and ready["spec"]["modelArchitecture"]
    assert condition(ready, "Cached")["reason"] == "ReadInPlace"
    artifact = ready["status"]["artifact"]
    assert artifact["files"] == 1 and artifact["totalBytes"] > 90_000_000
    assert readers(kubectl, namespace) == []
    assert not [key for node in kubectl.list("node") for key in node["metadata"]["labels"] if name in key]

    kubectl.apply(service(name, name, namespace, kind="BaseModel"))
    served = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    assert ask(kubectl, served, image("ome-steps")).strip()

    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "inferenceservice", name, namespace=namespace)
    wait_none(lambda: kubectl.list("pod", namespace, f"ome.io/inferenceservice={name}"))
    kubectl("delete", "basemodel", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "basemodel", name, namespace=namespace)
    kept = [*kubectl.list("workflow", "ome"), *kubectl.list("configmap", "ome")]
    short = artifact["digest"].removeprefix("sha256:")[:12]
    assert [each["metadata"]["name"] for each in kept if name in each["metadata"]["name"]] == []
    assert [each["metadata"]["name"] for each in kept if short in each["metadata"]["name"]] == []


@pytest.mark.parametrize(
    ("uri", "words"),
    [("pvc://no-such-claim/models", "no-such-claim"), (f"pvc://{CLAIM}/no/such/folder", "no/such/folder")],
    ids=["claim", "folder"],
)
def test_what_is_not_there_is_told_and_no_pod_stays(claim: tuple[Kubectl, str], uri: str, words: str) -> None:
    (kubectl, namespace), name = claim, "nowhere"
    kubectl.apply(in_claim(name, uri, namespace))
    told = condition(until(kubectl, name, namespace, "Failed"))
    assert told["reason"] == "NotFound" and words in told["message"] and "ome.io/retry" in told["message"], told
    assert readers(kubectl, namespace) == []
    kubectl("delete", "basemodel", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "basemodel", name, namespace=namespace)
