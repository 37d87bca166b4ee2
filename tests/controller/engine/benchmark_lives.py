"""Lives of benchmarks: measured once, or at each firing of a schedule, and deleted."""

from collections.abc import Sequence
from typing import ClassVar

from controller.plans.history import BASELINE
from controller.resources import ARGO
from crds import labels
from tests.apiserver.client import Object
from tests.controller.engine.lives import SYSTEM, Life, has_condition, in_memory
from tests.controller.engine.service_lives import MODEL
from tests.controller.plans.argo import step, write
from tests.controller.plans.benchmarks import benchmark_spec
from tests.controller.plans.reports import report


class BenchmarkLife(Life):
    """A BenchmarkJob that measures once."""

    kind: ClassVar = "BenchmarkJob"
    fewest_writes: ClassVar = 6
    """Finalizer, run, status, status, baseline; the run again, and the finalizer."""

    @property
    def spec(self) -> Object:
        """A short measurement of an endpoint."""
        return benchmark_spec(MODEL)

    def is_settled(self, resource: Object) -> bool:
        """Whether its numbers are there, and remembered for the next run."""
        return has_condition(resource, "Completed") and BASELINE in resource["metadata"].get("annotations", {})

    def play(self) -> None:
        """End every run that goes on, with a report."""
        for run in self.runs():
            if "status" not in run:
                name = run["metadata"]["name"]
                outputs = {"report": report().model_dump_json(by_alias=True), "report_folder": f"configmap/{name}"}
                nodes = step("benchmark", outputs=outputs)
                ended = write(in_memory(run), name, "Succeeded", nodes, outputs=outputs)
                self.server.admin.patch(run, {"status": ended["status"]})


class ScheduledBenchmarkLife(BenchmarkLife):
    """A BenchmarkJob with a schedule that comes once."""

    fewest_writes: ClassVar = 7
    """Finalizer, CronWorkflow, status, status, baseline; CronWorkflow, run, and the finalizer again."""

    @property
    def spec(self) -> Object:
        """The same at night."""
        return {**super().spec, "schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}

    def play(self) -> None:
        """Fire once, as Argo does with a CronWorkflow as it stands, and end the run."""
        for cron in self._crons():
            if not self.runs() and not self.is_leaving():
                self._fire(cron)
        super().play()

    def belongings(self) -> Sequence[Object]:
        """Runs and the CronWorkflow."""
        return [*self.runs(), *self._crons()]

    def _crons(self) -> Sequence[Object]:
        return self.listed("CronWorkflow", SYSTEM, f"{labels.NAME}={self.name}")

    def _fire(self, cron: Object) -> None:
        owner = {key: cron["metadata"][key] for key in ("name", "uid")} | {"apiVersion": ARGO, "kind": "CronWorkflow"}
        metadata = {"name": f"{owner['name']}-1", "namespace": SYSTEM, "ownerReferences": [owner]}
        metadata |= cron["spec"]["workflowMetadata"]
        body = {"apiVersion": ARGO, "kind": "Workflow", "metadata": metadata, "spec": cron["spec"]["workflowSpec"]}
        self.server.admin.create(body)
