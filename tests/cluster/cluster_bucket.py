"""A bucket of OCI Object Storage in a pod: the test server of that API, run from a ConfigMap in the steps' image."""

import base64
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import tests
from tests.cluster.kubectl import Object
from tests.sources.oci_account import Account

PORT = 8000
NAMESPACE, BUCKET = "acme", "models"
PART_BYTES = 10_000
_PROGRAM = (
    "__init__.py", "hub/__init__.py", "hub/ranges.py", "sources/__init__.py", "sources/oci_objects.py",
    "sources/oci_server.py", "sources/oci_signature.py", "sources/oci_store.py",
)  # fmt: skip
_PLACE = "/srv/bucket"
_KEY = "reader.pem"


def bucket_url(namespace: str) -> str:
    """How pods reach it."""
    return f"http://bucket.{namespace}.svc:{PORT}"


def bucket_objects(namespace: str, image: str, reader: Account, objects: Mapping[str, bytes]) -> list[Object]:
    """The ConfigMap, the pod and the Service `bucket`, for kubectl.

    Args:
        namespace: Where.
        image: That of the steps, which has what the server imports.
        reader: Who may read.
        objects: Contents by key; what is longer than PART_BYTES was uploaded in parts.
    """
    code = Path(next(iter(tests.__path__)))
    public_key = reader.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    files = {f"code/tests/{path}": (code / path).read_bytes() for path in _PROGRAM} | {_KEY: public_key}
    files |= {f"objects/{key}": content for key, content in objects.items()}
    keys = {path: f"file-{number}" for number, path in enumerate(files)}
    contents = {key: base64.b64encode(files[path]).decode() for path, key in keys.items()}
    command = [
        "python", "-m", "tests.sources.oci_store", "--host=0.0.0.0", f"--port={PORT}", f"--namespace={NAMESPACE}",
        f"--bucket={BUCKET}", f"--part-bytes={PART_BYTES}", f"--key-id={reader.key_id}",
        f"--public-key={_PLACE}/{_KEY}", *(f"--object={key}={_PLACE}/objects/{key}" for key in objects),
    ]  # fmt: skip
    metadata = {"name": "bucket", "namespace": namespace, "labels": {"app": "bucket"}}
    container = {
        "name": "bucket", "image": image, "imagePullPolicy": "IfNotPresent", "command": command,
        "env": [{"name": "PYTHONPATH", "value": f"{_PLACE}/code:/opt/ome/code"}],
        "volumeMounts": [{"name": "files", "mountPath": _PLACE}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }  # fmt: skip
    volume = {
        "name": "files",
        "configMap": {"name": "bucket", "items": [{"key": key, "path": path} for path, key in keys.items()]},
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": contents},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata,
         "spec": {"selector": {"app": "bucket"}, "ports": [{"port": PORT}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
         "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [volume]}},
    ]  # fmt: skip
