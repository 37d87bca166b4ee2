"""The hub in the cluster is what tests need: pods reach it by name, and tests set its faults and read its ledger."""

from collections.abc import Callable

from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl
from tests.cluster.waiting import wait_until
from tests.hub.faults import Fault

WEIGHTS = bytes(range(256)) * 1024
READ = """
import sys, urllib.error, urllib.request
try:
    print(len(urllib.request.urlopen(sys.argv[1]).read()))
except urllib.error.HTTPError as error:
    print("status", error.code)
"""


def test_pods_reach_it_and_tests_see_what_they_took(
    hub: ClusterHub, kubectl: Kubectl, namespace: str, image: Callable[[str], str]
) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    url = f"{hub.url}/acme/model/resolve/main/model.safetensors"

    assert printed(kubectl, namespace, image("ome-steps"), "reader", url) == str(len(WEIGHTS))
    assert hub.counts().bytes == {"lfs/acme/model/model.safetensors": len(WEIGHTS)}

    hub.set_faults(Fault("status", status=403, path="acme/*"))
    assert printed(kubectl, namespace, image("ome-steps"), "refused", url) == "status 403"

    hub.clear()
    assert hub.counts().total_requests == 0


def printed(kubectl: Kubectl, namespace: str, image: str, name: str, url: str) -> str:
    """What a pod prints that reads `url`."""
    scope = f"--namespace={namespace}"
    options = ("--restart=Never", "--image-pull-policy=IfNotPresent", f"--image={image}")
    kubectl("run", name, scope, *options, "--command", "--", "python", "-c", READ, url)
    wait_until(
        kubectl, "pod", name, lambda pod: pod["status"]["phase"] == "Succeeded", namespace=namespace, what="done"
    )
    return kubectl("logs", name, scope).strip()
