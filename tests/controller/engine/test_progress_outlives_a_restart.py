"""Rate and end of a running import on a real API server: told, and told again by the next controller."""

from pathlib import Path

from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import bury, controller_of
from tests.controller.engine.lives import NODE, in_memory
from tests.controller.engine.model_lives import ModelLife
from tests.controller.engine.waiting import until
from tests.controller.plans.argo import REVISION, importing, step, write


class LoadingLife(ModelLife):
    """A model whose bytes come as the test says."""

    def load(self, completed: int, total: int = 1000) -> None:
        """Argo tells how far the pod is."""
        (run,) = self.runs()
        given = {"manifest": self.digest, "revision": REVISION, "total_bytes": str(total), "file_count": "1"}
        nodes = step("resolve", outputs=given, order=1)
        nodes |= step("cache", "Running", item=0, node=NODE, progress=f"{completed}/{total}", order=2)
        status = write(in_memory(run), run["metadata"]["name"], "Running", nodes)["status"]
        self.server.admin.patch(run, {"status": status})

    def succeed(self) -> None:
        """The run ends well."""
        (run,) = self.runs()
        self._keep_manifest(run)
        ended = importing(in_memory(run), run["metadata"]["name"], digest=self.digest)
        self.server.admin.patch(run, {"status": ended["status"]})

    def progress(self) -> Object:
        """As the model's status has it."""
        found: Object = self.server.admin.get(self.body).get("status", {}).get("progress", {})
        return found

    def has_loaded(self, completed: int) -> Object:
        """The progress once it tells so many bytes; nothing before."""
        found = self.progress()
        return found if found.get("completedBytes") == completed else {}


def test_rate_and_end_are_told_and_come_back(released_server: ApiServer, tmp_path: Path, name: str) -> None:
    life = LoadingLife(released_server, name)
    with controller_of(released_server.kubeconfig, tmp_path):
        life.begin()
        until(life.runs, "a run")
        life.load(100)
        first = until(lambda: life.has_loaded(100), "its first bytes")
        assert "bytesPerSecond" not in first, "what was there before is no rate"
        life.load(500)
        told = until(lambda: life.has_loaded(500), "more bytes")
        assert told["bytesPerSecond"] > 0 and told["percent"] == 50 and told["estimatedCompletionTime"]
    with controller_of(released_server.kubeconfig, tmp_path) as again:
        again.until_ready()
        life.load(600)
        kept = until(lambda: life.has_loaded(600), "bytes seen by the next controller")
        assert kept["bytesPerSecond"] > 0
        life.load(700)
        until(lambda: life.has_loaded(700), "bytes seen twice")
        life.succeed()
        until(life.has_settled, "imported")
        assert life.progress() == {"nodesReady": "1/1"}
        bury(life)
