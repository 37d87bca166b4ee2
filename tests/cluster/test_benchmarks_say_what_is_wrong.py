"""A benchmark whose endpoint fails: the error rate is counted, judged and told, and a mended one passes.

Its report goes to a bucket of the tenant's, at first with a key that the bucket does not know.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.cluster_bucket import BUCKET, NAMESPACE, bucket_objects, bucket_url
from tests.cluster.faulty_endpoint import MODEL, PORT, faulty_endpoint
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, benchmark, condition, model
from tests.cluster.ring import Cluster
from tests.cluster.test_models_come_from_a_bucket import SECRET, secret
from tests.cluster.test_models_say_what_is_wrong import assert_nothing_says
from tests.cluster.waiting import wait_gone, wait_until
from tests.sources.oci_account import Account, make_account

URL = "http://faulty.{namespace}.svc.cluster.local:{port}"

TOLERATION = {"key": "example.com/reserved", "operator": "Exists", "effect": "NoSchedule"}
OVERRIDE: dict[str, Any] = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [TOLERATION],
    "resources": {"requests": {"cpu": "150m"}},
}


def start(kubectl: Kubectl, namespace: str, image: str, *, failing: int) -> None:
    """Start the endpoint anew, and wait until it answers."""
    kubectl("delete", "pod", "faulty", f"--namespace={namespace}", "--ignore-not-found", "--wait=true")
    kubectl.apply(*faulty_endpoint(namespace, image, failing=failing))
    kubectl("wait", "--for=condition=Ready", "pod/faulty", f"--namespace={namespace}", "--timeout=600s")


def start_bucket(kubectl: Kubectl, namespace: str, image: str, writer: Account) -> Object:
    """Start an empty bucket and let the controller read the Secret for it; the `outputLocation` that names it."""
    kubectl.apply(*bucket_objects(namespace, image, writer, {}))
    kubectl("wait", "--for=condition=Ready", "pod/bucket", f"--namespace={namespace}", "--timeout=600s")
    scope = f"--namespace={namespace}"
    kubectl("create", "role", SECRET, scope, "--verb=get", "--resource=secrets", f"--resource-name={SECRET}")
    kubectl("create", "rolebinding", SECRET, scope, f"--role={SECRET}", "--serviceaccount=ome:ome-controller")
    place = {"endpoint": bucket_url(namespace), "region": "us-ashburn-1"}
    return {"storageUri": f"oci://n/{NAMESPACE}/b/{BUCKET}/o/speed", "key": SECRET, "parameters": place}


def until_ended(kubectl: Kubectl, name: str, namespace: str, state: str) -> Object:
    """Wait for the job's end; its status."""
    found = wait_until(
        kubectl, "benchmarkjob", name, lambda b: (b.get("status") or {}).get("state") == state,
        namespace=namespace, what=state,
    )  # fmt: skip
    status: Object = found["status"]
    return status


def assert_overridden(kubectl: Kubectl, run: str) -> None:
    """The pod that measured was as the job's `podOverride` has it, beside what the template says."""
    pods = kubectl.list("pod", "ome", f"workflows.argoproj.io/workflow={run}")
    (spec,) = [pod["spec"] for pod in pods if "-benchmark-" in pod["metadata"]["name"]]
    assert spec["nodeSelector"].items() >= OVERRIDE["nodeSelector"].items()
    assert spec["nodeSelector"][f"models.ome.io/clusterbasemodel.{MODEL}"] == "Ready"
    assert TOLERATION in spec["tolerations"]
    (main,) = [container for container in spec["containers"] if container["name"] == "main"]
    assert main["resources"]["requests"]["cpu"] == "150m" and main["resources"]["limits"]["memory"]


def test_three_errors_in_ten_fail_a_benchmark_until_the_endpoint_is_mended(
    measuring: Kubectl,
    cluster: Cluster,
    namespace: str,
    pool: list[str],
    image: Callable[[str], str],
    tmp_path: Path,
) -> None:
    kubectl, name, steps = measuring, "faulty", image("ome-steps")
    writer, stranger = make_account(tmp_path), make_account(tmp_path, number=1)
    output = start_bucket(kubectl, namespace, steps, writer)
    kubectl.apply(secret(stranger, namespace))
    kubectl("label", "node", pool[0], f"{POOL}=yes")
    kubectl.apply(model(MODEL))  # whose tokenizer counts the tokens; the job waits for it
    start(kubectl, namespace, steps, failing=3)
    url = URL.format(namespace=namespace, port=PORT)
    endpoint = {"endpoint": {"url": url, "apiFormat": "openai", "modelName": MODEL}}
    job = benchmark(
        name, "", namespace, endpoint=endpoint, maxRequestsPerIteration=40, podOverride=OVERRIDE,
        outputLocation=output,
    )  # fmt: skip
    kubectl.apply(job)
    status = until_ended(kubectl, name, namespace, "Failed")
    assert_overridden(kubectl, status["workflow"]["name"])
    (cell,) = status["results"]
    assert 0.2 < float(cell["errorRate"]) < 0.4, cell  # noqa: PLR2004 - about three in ten
    (told,) = [c for c in status["conditions"] if c["type"] == "Completed"]
    assert told["status"] == "False" and "at most 1.0 % may" in told["message"], told
    assert "maxErrorRate" in told["message"] and "ome.io/retry" in told["message"]
    assert [entry["verdict"] for entry in status["history"]] == ["Failed"]
    told = condition({"status": status}, "ReportUploaded")
    assert told["reason"] == "UploadFailed" and "AuthFailed" in told["message"] and "OCI_KEY_FILE" in told["message"]
    assert status["reportUri"] == f"configmap/report-{status['workflow']['name']}"

    kubectl.apply(secret(writer, namespace))
    start(kubectl, namespace, steps, failing=0)
    kubectl("annotate", "benchmarkjob", name, f"--namespace={namespace}", "ome.io/retry=1")
    status = until_ended(kubectl, name, namespace, "Completed")
    assert float(status["results"][0]["errorRate"]) == 0.0
    assert [entry["verdict"] for entry in status["history"]] == ["Pass", "Failed"]
    assert condition({"status": status}, "ReportUploaded")["reason"] == "Uploaded"
    assert status["reportUri"] == f"{output['storageUri']}/{status['workflow']['name']}"
    lines = Path(tmp_path, "key-0.pem").read_text().splitlines()
    assert_nothing_says(cluster, lines[1], lines[-2])
    kubectl("delete", "benchmarkjob", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "benchmarkjob", name, namespace=namespace)
    kubectl("delete", "clusterbasemodel", MODEL, "--wait=false")
    wait_gone(kubectl, "clusterbasemodel", MODEL)


def test_a_service_that_is_not_there_is_told_and_waited_for(measuring: Kubectl, namespace: str) -> None:
    kubectl, name = measuring, "early"
    kubectl.apply(benchmark(name, "nobody", namespace))
    found = wait_until(
        kubectl, "benchmarkjob", name, lambda b: condition(b, "EndpointReady").get("reason") == "ServiceNotFound",
        namespace=namespace, what="waiting for its service",
    )  # fmt: skip
    assert "nobody" in condition(found, "EndpointReady")["message"]
    kubectl("delete", "benchmarkjob", name, f"--namespace={namespace}", "--wait=false")
    wait_gone(kubectl, "benchmarkjob", name, namespace=namespace)
