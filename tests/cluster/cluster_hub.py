"""The test hub in a pod of the cluster, with the sample model; tests set its faults and read its ledger from outside.

Its image is the steps' with the hub's code and SmolLM2 laid on top, so it can be loaded wherever that can. Pods reach
it by its Service's name; tests reach its admin through the API server, on any cluster.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import tests
from tests.cluster.image_archive import LayerEntry, write_image
from tests.cluster.image_store import identity
from tests.cluster.kubectl import Kubectl, Object
from tests.hub.faults import Fault, fault_text
from tests.hub.ledger import Counts

NAMESPACE = "test-hub"
IMAGE = "localhost/ome-test-hub:1"
PORT, STORE_PORT = 8000, 8001
HOST = f"hub.{NAMESPACE}.svc"
_CODE = "/opt/hub"
_FOLDER = "/srv/hub"


class ClusterHub:
    """The running hub.

    Args:
        kubectl: Of its cluster.
    """

    url = f"http://{HOST}:{PORT}"
    """What HF_ENDPOINT is to be set to in pods."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._admin = f"/api/v1/namespaces/{NAMESPACE}/services/hub:{PORT}/proxy/.admin"

    def answers(self) -> bool:
        """Whether it can be reached."""
        return self._kubectl.succeeds("get", "--raw", f"{self._admin}/counters")

    def counts(self) -> Counts:
        """What was asked of it and sent since the last `clear`."""
        return Counts(**json.loads(self._kubectl("get", "--raw", f"{self._admin}/counters")))

    def clear(self) -> None:
        """Count from zero again, and mend all faults."""
        self._kubectl("delete", "--raw", f"{self._admin}/counters")
        self.set_faults()

    def set_faults(self, *faults: Fault) -> None:
        """Replace all faults."""
        self._put("faults", json.dumps([fault_text(fault) for fault in faults]).encode())

    def add(self, repository: str, files: Mapping[str, bytes], settings: str = "") -> None:
        """Add files to a repository, and its `.hub.yaml` when there are settings (see `tests/hub/repository.py`)."""
        described = {".hub.yaml": settings.encode()} if settings else {}
        for path, content in {**files, **described}.items():
            self._put(f"files/{repository}/{path}", content)

    def _put(self, path: str, content: bytes) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self._kubectl("replace", "--raw", f"{self._admin}/{path}", "-f", file.name)


def hub_image(archive: Path, steps_image: Path, models: Path) -> Path:
    """Write the hub's image on top of the steps', anew only when something in it has changed.

    Args:
        archive: Where to.
        steps_image: The archive of `ome-steps`.
        models: The folder to serve, `<organisation>/<name>/<files>`.
    """
    code = Path(next(iter(tests.__path__)))
    sources = [code / "__init__.py", *sorted((code / "hub").glob("*.py"))]
    entries = [LayerEntry(f"{_CODE}/tests/{path.relative_to(code)}", path) for path in sources]
    entries += [
        LayerEntry(f"{_FOLDER}/{path.relative_to(models)}", path)
        for path in sorted(models.rglob("*"))
        if path.is_file()
    ]
    files = [steps_image, *(entry.source for entry in entries if isinstance(entry.source, Path))]
    made_from = json.dumps([identity(file) for file in files])
    about = archive.with_suffix(".made")
    if archive.exists() and about.exists() and about.read_text() == made_from:
        return archive
    about.unlink(missing_ok=True)
    write_image(archive, IMAGE, entries, {"Entrypoint": ["python"]}, base=steps_image)
    about.write_text(made_from)
    return archive


def hub_objects() -> list[Object]:
    """The hub's namespace, pod and Service.

    It runs as root, since tests add files to it; nothing of ours does.
    """
    options = [f"--folder={_FOLDER}", f"--port={PORT}", f"--store-port={STORE_PORT}"]
    command = ["python", "-m", "tests.hub", *options, "--host=0.0.0.0", f"--advertised-host={HOST}"]
    path = f"{_CODE}:/opt/ome/code"
    probe = {"httpGet": {"path": "/.admin/counters", "port": PORT}, "periodSeconds": 1}
    container = {
        "name": "hub", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command,
        "env": [{"name": "PYTHONPATH", "value": path}], "readinessProbe": probe,
        "securityContext": {"runAsUser": 0},
    }  # fmt: skip
    metadata = {"name": "hub", "namespace": NAMESPACE, "labels": {"app": "hub"}}
    ports = [{"name": name, "port": port} for name, port in (("hub", PORT), ("store", STORE_PORT))]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata,
         "spec": {"selector": {"app": "hub"}, "ports": ports}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
         "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}},
    ]  # fmt: skip
