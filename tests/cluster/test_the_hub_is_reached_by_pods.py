"""The hub in the cluster is what tests need: pods reach it by name, and tests set its faults and read its ledger."""

from collections.abc import Callable

from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl
from tests.cluster.python_pod import printed
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

    assert printed(kubectl, namespace, image("ome-steps"), READ, url).strip() == str(len(WEIGHTS))
    assert hub.counts().bytes == {"lfs/acme/model/model.safetensors": len(WEIGHTS)}

    hub.set_faults(Fault("status", status=403, path="acme/*"))
    assert printed(kubectl, namespace, image("ome-steps"), READ, url).strip() == "status 403"

    hub.clear()
    assert hub.counts().total_requests == 0
