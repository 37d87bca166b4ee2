"""A model that follows its branch: the branch moves, a person asks for a look, and its service answers all along."""

import uuid
from collections.abc import Callable

from tests.cluster.asking import ask
from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, URI, condition, model, service
from tests.cluster.runs import runs_of
from tests.cluster.waiting import wait_gone, wait_ready, wait_until


def test_a_model_follows_its_branch_and_its_service_answers_all_along(
    serving: Kubectl, hub: ClusterHub, namespace: str, pool: list[str], image: Callable[[str], str]
) -> None:
    kubectl, name = serving, "moving"
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(name, revisionPolicy="OnChange"), service(name, name, namespace))
    served = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    before = kubectl.get("clusterbasemodel", name)["status"]["artifact"]["revision"]
    assert runs_of(kubectl, "check", name) == 0, "nobody has asked yet"

    hub.add(URI.removeprefix("hf://"), {"MOVED.md": uuid.uuid4().hex.encode()})  # the weights stay as they are
    kubectl("annotate", "clusterbasemodel", name, "ome.io/refresh=now")
    moved = wait_until(
        kubectl, "clusterbasemodel", name, lambda m: m["status"]["artifact"]["revision"] != before,
        what="at the newer revision",
    )  # fmt: skip
    assert ask(kubectl, served, image("ome-steps")).strip(), "the pods before answer while new ones start"
    revision = moved["status"]["artifact"]["revision"]
    assert condition(moved)["status"] == condition(moved, "UpToDate")["status"] == "True"
    assert moved["status"]["source"]["revision"] == moved["status"]["source"]["followed"] == revision
    assert (runs_of(kubectl, "check", name), runs_of(kubectl, "import", name)) == (1, 2)

    def is_deployed_anew(found: Object) -> bool:
        kinds = ("Ready", "Deployed")
        is_up = all(condition(found, kind).get("status") == "True" for kind in kinds)
        return is_up and revision[:12] in condition(found, "ModelReady").get("message", "")

    after = wait_until(
        kubectl, "inferenceservice", name, is_deployed_anew, namespace=namespace, what="at the newer revision"
    )
    assert ask(kubectl, after, image("ome-steps")).strip()

    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)
