"""read-claim: a pod in the claim's namespace mounts it, its report becomes the step's outputs, and it always goes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from steps.claim_report import LONGEST, unpacked
from steps.cluster.claim_pod import pod_name
from steps.describe_claim import ClaimRequest, describe
from steps.errors import InvalidInputError, NotFoundError, UnsupportedError
from steps.facts import Facts, ParameterCount
from tests.apiserver.client import Object
from tests.cluster_steps.cluster import REPOSITORY, Cluster
from tests.cluster_steps.models import CONFIG
from tests.cluster_steps.test_selection_reads_the_cluster import CPU, choice, make_runtime
from tests.parsing.made_up_files import write_config, write_safetensors

POD = pod_name("11111111-1111-1111-1111-111111111111")
PODS = "/api/v1/namespaces/team/pods"
MERGE = "application/merge-patch+json"
INPUTS = {"uri": "pvc://weights/models/tiny", "name": "tiny", "scope": "BaseModel", "namespace": "team"}
ENVIRONMENT = {"OME_STEP_IMAGE": "registry.test/ome-steps:1", "OME_CLAIM_PATIENCE": "0.02"}
Play = Callable[[Cluster, Object], None]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """What a claim's volume holds: one model."""
    folder = tmp_path / "volume" / "models" / "tiny"
    folder.mkdir(parents=True)
    write_config(folder, CONFIG)
    write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": ("BF16", (256, 64))})
    return tmp_path / "volume"


@contextmanager
def kubelet(cluster: Cluster, play: Play) -> Iterator[list[Object]]:
    """Acts once on the pod that comes into namespace team; gives the pods that came."""
    cluster.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    seen: list[Object] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            if found := cluster.admin.request("GET", PODS)["items"]:
                seen.append(found[0])
                play(cluster, found[0])
                return

    thread = threading.Thread(target=watch)
    thread.start()
    yield seen
    is_over.set()
    thread.join()


def say(cluster: Cluster, status: Object) -> None:
    cluster.admin.request("PATCH", f"{PODS}/{POD}/status", {"status": status}, MERGE)


def mounting(volume: Path) -> Play:
    """Runs the pod's own command on a folder, and says how it ended."""

    def play(cluster: Cluster, pod: Object) -> None:
        command = pod["spec"]["containers"][0]["command"]
        request = json.loads(command[-1]) | {"mount": str(volume)}
        log = cluster.folder / "claim-termination-log"
        done = subprocess.run(
            [sys.executable, *command[1:-1], json.dumps(request)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "OME_TERMINATION_LOG": str(log)},
            check=False,
        )
        ended = {"exitCode": done.returncode, "reason": "Error", "message": log.read_text()}
        name = {"name": "reader", "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
        statuses = [{**name, "state": {"terminated": ended}}]
        say(cluster, {"phase": "Failed" if done.returncode else "Succeeded", "containerStatuses": statuses})

    return play


def unschedulable(words: str) -> Play:
    """Says what the scheduler would."""
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    return lambda cluster, _: say(cluster, {"phase": "Pending", "conditions": [scheduled]})


def ended_without_a_word(cluster: Cluster, _: Object) -> None:
    """What the kubelet says of a pod that used too much memory."""
    ended = {"exitCode": 137, "reason": "OOMKilled"}
    status = {"name": "reader", "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
    say(cluster, {"phase": "Failed", "containerStatuses": [{**status, "state": {"terminated": ended}}]})


def pods(cluster: Cluster) -> list[Object]:
    """Those of namespace team that are not on their way out."""
    found = cluster.admin.request("GET", PODS)["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def test_a_model_is_read_where_it_is_and_its_facts_are_stored(cluster: Cluster, volume: Path) -> None:
    with kubelet(cluster, mounting(volume)) as seen:
        cluster.make("BaseModel", "tiny", {"storage": {"storageUri": INPUTS["uri"]}}, "team")
        done = cluster.run("read-claim", environment=ENVIRONMENT, **INPUTS)
    assert done.code == 0, done.log
    assert json.loads(done.outputs["facts"])["architecture"] == "LlamaForCausalLM"
    sizes = [path.stat().st_size for path in (volume / "models/tiny").iterdir()]
    assert (done.outputs["file_count"], done.outputs["total_bytes"]) == ("2", str(sum(sizes)))
    stored = cluster.config_map(f"facts-{done.outputs['manifest'][:12]}")
    assert stored["data"]["digest"] == done.outputs["manifest"]
    assert pods(cluster) == []
    (pod,) = seen
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert spec["volumes"] == [{"name": "claim", "persistentVolumeClaim": {"claimName": "weights"}}]
    assert container["volumeMounts"] == [{"name": "claim", "mountPath": "/claim", "readOnly": True}]
    assert container["image"] == "registry.test/ome-steps:1"
    assert spec["automountServiceAccountToken"] is False and spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("BaseModel", "tiny"), "a pod that nobody deletes goes with its model"


def test_a_runtime_is_selected_from_its_facts_and_every_node_counts(cluster: Cluster, volume: Path) -> None:
    with kubelet(cluster, mounting(volume)):
        digest = cluster.run("read-claim", environment=ENVIRONMENT, **INPUTS).outputs["manifest"]
    status = {"state": "Ready", "artifact": {"uri": INPUTS["uri"], "digest": f"sha256:{digest}"}}
    cluster.make("BaseModel", "tiny", {"storage": {"storageUri": INPUTS["uri"]}}, "team", status=status)
    cluster.admin.apply(
        {"apiVersion": "ome.io/v1beta1", "kind": "AcceleratorClass", "metadata": {"name": "plain"}, "spec": CPU}
    )
    make_runtime(cluster, "serve")
    cluster.make_node("node-a")
    found = choice(cluster.run("select-runtime", model="tiny", namespace="team"))
    assert found["runtime"] == "serve"
    assert not any("models.ome.io" in warning for warning in found["warnings"])


@pytest.mark.parametrize(
    ("play", "code", "words"),
    [
        (unschedulable('0/3 nodes are available: persistentvolumeclaim "weights" not found.'), 11, "does not exist"),
        (unschedulable("0/3 nodes: pod has unbound immediate PersistentVolumeClaims."), 21, "unbound immediate"),
        (ended_without_a_word, 21, "OOMKilled"),
    ],
)
def test_what_keeps_a_pod_from_reading_is_told_in_their_words(
    cluster: Cluster, play: Play, code: int, words: str
) -> None:
    with kubelet(cluster, play):
        done = cluster.run("read-claim", environment=ENVIRONMENT, **INPUTS)
    assert done.code == code, done.log
    assert words in done.failure["message"] and "weights" in done.failure["message"] and done.failure["remedy"]
    assert pods(cluster) == []


def test_a_folder_that_is_not_there_has_the_pods_own_words(cluster: Cluster, volume: Path) -> None:
    with kubelet(cluster, mounting(volume)):
        done = cluster.run("read-claim", environment=ENVIRONMENT, **INPUTS | {"uri": "pvc://weights/models/other"})
    assert done.code == 11, done.log
    assert "models/other" in done.failure["message"] and "tiny" in done.failure["remedy"]
    assert pods(cluster) == []


def test_a_pod_that_an_earlier_attempt_left_is_taken_up(cluster: Cluster, volume: Path, tmp_path: Path) -> None:
    cluster.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    first = cluster.start("read-claim", tmp_path / "first", "node-a", ENVIRONMENT, INPUTS)
    came = threading.Event()
    with kubelet(cluster, lambda *_: came.set()):
        assert came.wait(60), "no pod came"
    first.kill()
    first.communicate()
    assert len(pods(cluster)) == 1
    with kubelet(cluster, mounting(volume)):
        done = cluster.run("read-claim", environment=ENVIRONMENT, **INPUTS)
    assert done.code == 0, done.log
    assert pods(cluster) == []


def test_a_step_that_is_stopped_takes_its_pod_away(cluster: Cluster, tmp_path: Path) -> None:
    came = threading.Event()
    with kubelet(cluster, lambda *_: came.set()):
        step = cluster.start("read-claim", tmp_path / "step", "node-a", ENVIRONMENT, INPUTS)
        assert came.wait(60), "no pod came"
        step.send_signal(signal.SIGTERM)
        step.communicate()
    assert step.returncode == 143
    assert pods(cluster) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uri": "pvc://other:weights/models/tiny"}, "may not have"),
        ({"scope": "ClusterBaseModel"}, "may not have"),
        ({"uri": "hf://acme/tiny"}, "is no claim"),
        ({"uri": "pvc://weights"}, "no path"),
    ],
)
def test_claims_that_a_model_may_not_have_are_refused(cluster: Cluster, changes: dict[str, Any], words: str) -> None:
    done = cluster.run("read-claim", environment=ENVIRONMENT, **INPUTS | changes)
    assert done.code == 16, done.log
    assert words in done.failure["message"]


def test_the_same_listing_has_the_same_revision_and_a_larger_file_another(volume: Path) -> None:
    request = ClaimRequest(uri="pvc://weights/models/tiny", path="models/tiny", mount=str(volume))
    before = describe(request)
    assert describe(request) == before
    (volume / "models/tiny/README.md").write_text("more")
    after = describe(request)
    assert (after.facts, after.file_count) == (before.facts, 3)
    assert after.revision != before.revision
    assert before.digest("a:weights/tiny") != before.digest("b:weights/tiny")


def test_a_file_and_links_out_of_the_volume_are_refused(volume: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (volume / "models/away").symlink_to(tmp_path / "secret")
    for path, words in (("models/away", "link out"), ("models/tiny/config.json", "is a file")):
        with pytest.raises(InvalidInputError, match=words):
            describe(ClaimRequest(uri="pvc://weights/x", path=path, mount=str(volume)))
    with pytest.raises(NotFoundError, match="no folder"):
        describe(ClaimRequest(uri="pvc://weights/x", path="nothing/there", mount=str(volume)))


def test_a_report_fits_a_termination_message_or_is_refused(volume: Path) -> None:
    report = describe(ClaimRequest(uri="pvc://weights/models/tiny", path="models/tiny", mount=str(volume)))
    names = tuple(f"model-{number:05d}-of-00163.safetensors" for number in range(163))
    many = report.model_copy(update={"facts": report.facts.model_copy(update={"weight_files": names})})
    assert len(many.packed()) <= LONGEST and unpacked(many.packed()) == many
    noise = tuple(os.urandom(60).hex() for _ in range(50))
    warned = report.model_copy(update={"facts": report.facts.model_copy(update={"warnings": noise})})
    assert unpacked(warned.packed()).facts.warnings == ()
    facts = Facts(
        model_type="m", architecture="M", parameters=ParameterCount(total=1, active=1), parameter_size="1",
        format="safetensors", weight_files=noise,
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="termination message"):
        report.model_copy(update={"facts": facts}).packed()
