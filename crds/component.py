"""Engine, decoder and router: the components of a service, given by a service and by the runtime it uses."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, model_validator
from pydantic_core import CoreSchema

from crds.accelerator_selector import AcceleratorSelector
from crds.autoscaling import KedaConfig
from crds.base import ApiType, Count, Int64, Percentage
from crds.kubernetes import Container, DeploymentStrategy
from crds.pod import PodFields
from crds.problems import FieldError, shown


def _checked_number_or_percentage(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,2}%|100%", value):
        return value
    raise FieldError(f"{shown(value)} is neither a number nor a share", accepted='0 and above, or "0%" to "100%"')


class _IntOrString:
    """Writes the schema that Kubernetes has for what is a number or text."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "pattern": "^([0-9]{1,2}|100)%$",
            "x-kubernetes-int-or-string": True,
        }


NumberOrPercentage = Annotated[int | str, PlainValidator(_checked_number_or_percentage), _IntOrString]
ScaleMetric = Literal["cpu", "memory", "concurrency", "rps"]


class ComponentExtension(ApiType):
    """How a component scales and is rolled out.

    Attributes:
        min_replicas: 0 allows scale to zero; None is OME's default of 1.
        max_replicas: 0 or None for no upper bound of its own.
        scale_target: Value of `scale_metric` that the autoscaler aims at.
        container_concurrency: Requests at once in one container; 0 for no limit.
        canary_traffic_percent: Share of traffic of the latest revision.
        min_available: Of the disruption budget: a number or a percentage.
        max_unavailable: Of the disruption budget: a number or a percentage.
    """

    min_replicas: Count | None = None
    max_replicas: Count | None = None
    scale_target: Count | None = None
    scale_metric: ScaleMetric | None = None
    container_concurrency: Int64 | None = Field(default=None, ge=0)
    timeout_seconds: Int64 | None = Field(default=None, ge=0)
    canary_traffic_percent: Percentage | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    min_available: NumberOrPercentage | None = None
    max_unavailable: NumberOrPercentage | None = None
    deployment_strategy: DeploymentStrategy | None = None
    keda_config: KedaConfig | None = None

    @model_validator(mode="after")
    def _replicas_are_ordered(self) -> Self:
        if self.min_replicas is not None and self.max_replicas and self.min_replicas > self.max_replicas:
            raise FieldError(
                f"minReplicas {self.min_replicas} is more than maxReplicas {self.max_replicas}",
                accepted="minReplicas up to maxReplicas; either may be absent",
                field="minReplicas",
            )
        return self

    @model_validator(mode="after")
    def _one_disruption_bound(self) -> Self:
        if self.min_available is not None and self.max_unavailable is not None:
            raise FieldError(
                "is given beside minAvailable",
                accepted="one of minAvailable and maxUnavailable",
                field="maxUnavailable",
            )
        return self


class LeaderSpec(PodFields):
    """The leader of a group of pods that serve together."""

    runner: Container | None = None


class WorkerSpec(PodFields):
    """The workers of a group.

    Attributes:
        size: Pods besides the leader.
    """

    size: Count | None = None
    runner: Container | None = None


class EngineSpec(PodFields, ComponentExtension):
    """The engine: what answers. With leader and worker it spans nodes.

    Attributes:
        runner: The main container; it is called `ome-container` when it has no name.
    """

    runner: Container | None = None
    leader: LeaderSpec | None = None
    worker: WorkerSpec | None = None
    accelerator_override: AcceleratorSelector | None = None

    @model_validator(mode="after")
    def _leader_and_worker_together(self) -> Self:
        for one, other in (("leader", "worker"), ("worker", "leader")):
            if getattr(self, one) is not None and getattr(self, other) is None:
                raise FieldError(
                    f"is missing, and {one} is given", accepted="leader and worker together, or neither", field=other
                )
        if self.worker is not None and self.worker.size == 0:
            raise FieldError("0 is no worker", accepted="a number above 0", field="worker.size")
        return self


class DecoderSpec(EngineSpec):
    """The decoder of a service that separates prefill (its engine) and decode."""


class RouterSpec(PodFields, ComponentExtension):
    """The router before engines and decoders.

    Attributes:
        config: Becomes environment variables of the runner.
    """

    runner: Container | None = None
    config: dict[str, str] = {}
