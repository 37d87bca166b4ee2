"""A form of the Argo UI, filled in and submitted: the same job as by resource, and one run for it."""

import json

from tests.cluster.argo_server import submit
from tests.cluster.kubectl import Kubectl
from tests.cluster.objects import URI
from tests.cluster.ring import Cluster
from tests.cluster.waiting import wait_gone, wait_ready, wait_workflow


def test_one_form_makes_a_model_and_a_service_with_one_run(
    serving: Kubectl, cluster: Cluster, namespace: str, pool: list[str]
) -> None:
    kubectl, name = serving, "from-the-form"
    form = {"uri": URI, "name": name, "service": name, "namespace": namespace, "benchmark": "no"}
    run = submit(cluster, "onboard-model", form)["metadata"]["name"]
    ended = wait_workflow(kubectl, run, namespace="ome")
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    model = wait_ready(kubectl, "clusterbasemodel", name)
    served = wait_ready(kubectl, "inferenceservice", name, namespace=namespace)
    assert served["status"]["workflow"]["name"] == run
    assert sorted(model["status"]["nodesReady"]) == pool and served["status"]["url"]
    steps = ended["status"]["nodes"].values()
    (first,) = [n["hostNodeName"] for n in steps if n["type"] == "Pod" and n["displayName"].startswith("cache")]
    others = [
        each for each in kubectl.list("workflow", "ome") if each["metadata"]["name"].startswith(f"import-{name}")
    ]
    asked = {p["name"]: p["value"] for each in others for p in each["spec"]["arguments"]["parameters"]}
    assert set(json.loads(asked["nodes"])) == set(pool) - {first}, "only what was missing is done after it"
    assert not [w for w in kubectl.list("workflow", "ome") if w["metadata"]["name"].startswith(f"deploy-{name}")]
    kubectl("delete", "inferenceservice", name, f"--namespace={namespace}")
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def test_a_form_of_the_importing_template_is_the_models_run(
    installed: Kubectl, cluster: Cluster, pool: list[str]
) -> None:
    kubectl, name = installed, "by-form"
    run = submit(cluster, "import-model", {"uri": URI, "name": name, "nodes": json.dumps(pool)})["metadata"]["name"]
    wait_workflow(kubectl, run, namespace="ome")
    model = wait_ready(kubectl, "clusterbasemodel", name)
    assert model["status"]["workflow"]["name"] == run
    assert sorted(model["status"]["nodesReady"]) == pool
    assert not [w for w in kubectl.list("workflow", "ome") if w["metadata"]["name"].startswith(f"import-{name}")]
    kubectl("delete", "clusterbasemodel", name, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", name)


def test_a_form_that_is_submitted_again_changes_its_model(
    installed: Kubectl, cluster: Cluster, namespace: str, pool: list[str]
) -> None:
    kubectl, name = installed, "again"
    form = {"uri": URI, "name": name, "scope": "BaseModel", "namespace": namespace, "nodes": json.dumps(pool[:1])}
    for revision in ("", "main"):
        run = submit(cluster, "import-model", form | {"revision": revision})["metadata"]["name"]
        ended = wait_workflow(kubectl, run, namespace="ome")
        assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
        found = kubectl.get("basemodel", name, namespace)["spec"]["storage"]
        assert found["storageUri"] == (f"{URI}@{revision}" if revision else URI)
    wait_ready(kubectl, "basemodel", name, namespace=namespace)
    kubectl("delete", "basemodel", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "basemodel", name, namespace=namespace)
