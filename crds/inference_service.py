"""InferenceService: a model that answers, by which runtime, on which accelerators, with how many replicas."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from crds.accelerator_selector import AcceleratorSelector
from crds.autoscaling import KedaConfig
from crds.base import ApiType
from crds.component import ComponentExtension, DecoderSpec, EngineSpec, RouterSpec, WorkerSpec
from crds.kubernetes import CONTAINER_FIELDS, Container, KnownFields
from crds.metadata import ObjectName
from crds.pod import PodFields
from crds.predictor import unplaced
from crds.problems import FieldError, Problem, shown
from crds.resource import Resource
from crds.rollout import Rollout
from crds.service_annotations import check_service_annotations
from crds.service_status import InferenceServiceStatus

PredictorModel = Annotated[
    dict[str, Any],
    KnownFields(
        f"baseModel fineTunedWeights runtime storageUri runtimeVersion protocolVersion {CONTAINER_FIELDS}",
    ),
]
"""The model of OME's older form, with the fields of a container beside it."""

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63
"""Of a Kubernetes Service, whose name is the service's name with a component's after it."""


class ModelReference(ApiType):
    """The model of a service.

    Attributes:
        kind: OME looks in the namespace first whatever this says.
        fine_tuned_weights: Names of FineTunedWeights that are served with it.
    """

    name: ObjectName
    kind: Literal["ClusterBaseModel", "BaseModel"] = "ClusterBaseModel"
    api_group: str = "ome.io"
    fine_tuned_weights: tuple[str, ...] = ()


class RuntimeReference(ApiType):
    """The runtime of a service, where its author chose it.

    Attributes:
        kind: OME looks in the namespace first whatever this says.
    """

    name: ObjectName
    kind: Literal["ClusterServingRuntime", "ServingRuntime"] = "ClusterServingRuntime"
    api_group: str = "ome.io"


class PredictorSpec(PodFields, ComponentExtension):
    """OME's older form of engine, model and runtime in one."""

    model: PredictorModel | None = None
    worker_spec: WorkerSpec | None = None


class InferenceServiceSpec(ApiType):
    """A model that answers.

    Attributes:
        runtime: None lets selection choose one.
        engine: May be empty; what it gives goes over what the runtime gives.
        predictor: Deprecated by OME.
        keda_config: For every component that has none of its own.
        rollout: How a new revision takes over; None is a rolling update.
    """

    model: ModelReference | None = None
    runtime: RuntimeReference | None = None
    engine: EngineSpec | None = None
    decoder: DecoderSpec | None = None
    router: RouterSpec | None = None
    predictor: PredictorSpec | None = None
    keda_config: KedaConfig | None = None
    accelerator_selector: AcceleratorSelector | None = None
    rollout: Rollout | None = Field(default=None)

    @model_validator(mode="after")
    def _says_what_to_serve(self) -> Self:
        if self.decoder is not None and self.engine is None:
            raise FieldError("is given without an engine", accepted="decoder beside engine", field="decoder")
        if self.predictor is not None:
            return self
        if self.model is None and not (self.engine is not None and runs_by_itself(self.engine)):
            raise FieldError(
                "is missing",
                accepted="a model's name, or an engine whose runner (or leader and worker runners) has an image",
                field="model",
            )
        return self


class InferenceService(Resource):
    """A model that answers."""

    IS_NAMESPACED: ClassVar[bool] = True

    kind: Literal["InferenceService"] = "InferenceService"
    spec: InferenceServiceSpec
    status: InferenceServiceStatus = InferenceServiceStatus()

    @model_validator(mode="after")
    def _name_makes_dns_labels(self) -> Self:
        name = self.metadata.name
        longest = _LONGEST_LABEL - len("-engine" if self.spec.decoder is None else "-decoder")
        if name and (len(name) > longest or not _NAME.fullmatch(name)):
            raise FieldError(
                f"{shown(name)} is not a valid name of an InferenceService",
                accepted="lower-case letters, digits and '-', starting with a letter, not ending with '-', at most"
                f" {longest}",
                field="metadata.name",
            )
        check_service_annotations(self.metadata.annotations)
        return self

    def notices(self) -> tuple[Problem, ...]:
        """OME's older form still works, but for what has no place in the newer one."""
        found = super().notices()
        if self.spec.predictor is not None:
            message = "is deprecated by OME, and is stored as model, runtime and engine"
            if lost := unplaced(self.spec.to_dict()):
                message += f"; without a place there: {', '.join(lost)}"
            found += (Problem("spec.predictor", message, "model, runtime and engine", kind="notice"),)
        return found


def runs_by_itself(engine: EngineSpec) -> bool:
    """Whether an engine says all that a container needs, so that neither model nor runtime is asked for."""
    if engine.leader is not None and engine.worker is not None:
        return _has_image(engine.leader.runner) and _has_image(engine.worker.runner)
    return _has_image(engine.runner)


def _has_image(runner: Container | None) -> bool:
    return runner is not None and bool(runner.get("image"))
