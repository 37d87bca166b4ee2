"""A model in a bucket comes to the nodes with the identity of a Secret, which nothing else tells."""

import base64
from collections.abc import Callable
from pathlib import Path

from tests.cluster.cluster_bucket import BUCKET, NAMESPACE, PART_BYTES, bucket_objects, bucket_url
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import POOL, condition, model
from tests.cluster.ring import Cluster
from tests.cluster.runs import runs_of
from tests.cluster.test_models_say_what_is_wrong import assert_nothing_says, remove, until_state
from tests.cluster.tiny_model import tiny_model
from tests.sources.oci_account import Account, make_account

SECRET = "bucket-reader"


def secret(account: Account, namespace: str = "ome") -> Object:
    """A Secret with what OCI's own tools read: a configuration file and the key that it names."""
    key = account.config.with_name(account.config.name.replace("config", "key") + ".pem")
    data = {"OCI_CONFIG_FILE": account.config.read_bytes(), "OCI_KEY_FILE": key.read_bytes()}
    encoded = {name: base64.b64encode(content).decode() for name, content in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": encoded,
    }


def test_a_model_of_an_oci_bucket_comes_to_nodes_with_the_key_of_its_secret(
    installed: Kubectl, cluster: Cluster, image: Callable[[str], str], namespace: str, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "in-a-bucket"
    reader, stranger = make_account(tmp_path), make_account(tmp_path, number=1)
    contents = tiny_model(tmp_path)
    assert max(map(len, contents.values())) > PART_BYTES, "one object is in parts: it has no digest at its source"
    objects = {f"tiny/{path}": content for path, content in contents.items()}
    kubectl.apply(*bucket_objects(namespace, image("ome-steps"), reader, objects))
    kubectl("wait", "--for=condition=Ready", "pod/bucket", f"--namespace={namespace}", "--timeout=600s")
    kubectl("label", "node", *pool[:2], f"{POOL}=yes")
    kubectl.apply(secret(stranger))
    place = {"endpoint": bucket_url(namespace), "region": "us-ashburn-1"}
    kubectl.apply(model(name, f"oci://n/{NAMESPACE}/b/{BUCKET}/o/tiny", key=SECRET, parameters=place))
    told = condition(until_state(kubectl, "clusterbasemodel", name, "Failed"))
    assert told["reason"] == "AuthFailed" and "OCI_KEY_FILE" in told["message"]
    assert runs_of(kubectl, "import", name) == 1, "a refused identity is not tried again"

    kubectl.apply(secret(reader))
    ready = until_state(kubectl, "clusterbasemodel", name, "Ready")
    assert sorted(ready["status"]["nodesReady"]) == sorted(pool[:2])
    assert ready["status"]["artifact"]["totalBytes"] == sum(map(len, contents.values()))
    lines = Path(tmp_path, "key-0.pem").read_text().splitlines()
    assert_nothing_says(cluster, lines[1], lines[-2])
    remove(kubectl, "clusterbasemodel", name)
    kubectl("delete", "secret", SECRET, "--namespace=ome")
