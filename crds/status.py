"""What every status has: conditions, the generation they were seen for, and the workflow run behind them."""

from typing import Literal

from pydantic import Field

from crds.base import ApiType, Int64

ConditionStatus = Literal["True", "False", "Unknown"]
WorkflowPhase = Literal["Pending", "Running", "Succeeded", "Failed", "Error"]


class Condition(ApiType):
    """One thing that is true, false or not known yet about an object.

    Attributes:
        type: `Resolved`, `Ready` …: see `MODEL_CONDITIONS`, `SERVICE_CONDITIONS`, `BENCHMARK_CONDITIONS`.
        reason: One CamelCase word for programs.
        message: A sentence for people, with the numbers.
        observed_generation: `metadata.generation` that this was said about.
        last_transition_time: RFC 3339, when `status` last changed.
        severity: Knative's; "" is an error, "Info" may be false while the object is Ready.
    """

    type: str
    status: ConditionStatus
    reason: str = ""
    message: str = ""
    observed_generation: Int64 | None = None
    last_transition_time: str = ""
    severity: str = ""


class WorkflowReference(ApiType):
    """The run behind a state.

    Attributes:
        phase: As Argo names it; None before it starts.
        started_at: RFC 3339.
        finished_at: RFC 3339; "" while it runs.
        message: What failed, in which step; "" when nothing did.
    """

    name: str
    namespace: str = ""
    phase: WorkflowPhase | None = None
    started_at: str = ""
    finished_at: str = ""
    message: str = ""


class Status(ApiType):
    """Base of every kind's status."""

    conditions: tuple[Condition, ...] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    observed_generation: Int64 | None = None
    workflow: WorkflowReference | None = Field(default=None)

    def condition(self, condition_type: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == condition_type), None)

    def is_true(self, condition_type: str) -> bool:
        """Whether that condition is there and "True"."""
        condition = self.condition(condition_type)
        return condition is not None and condition.status == "True"


MODEL_CONDITIONS = ("Resolved", "Parsed", "Cached", "Ready", "UpToDate")
SERVICE_CONDITIONS = (
    "ModelReady", "RuntimeSelected", "Deployed", "RouterReady", "DecoderReady", "EngineReady", "Ready",
)  # fmt: skip
BENCHMARK_CONDITIONS = ("EndpointReady", "Running", "Completed")
