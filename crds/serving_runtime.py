"""ServingRuntime and ClusterServingRuntime: how models of some formats and sizes are served, by which container."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from crds.base import ApiType, Count, Flag, Int64, Positive
from crds.component import DecoderSpec, EngineSpec, RouterSpec
from crds.model_format import DiffusionPipeline, ModelFormatSpec, ModelFramework, Operator
from crds.pod import RuntimePodFields
from crds.problems import FieldError, Problem
from crds.resource import Resource
from crds.size import parse_size
from crds.status import Status

__all__ = [
    "AcceleratorModelConfig",
    "AcceleratorRequirements",
    "ClusterServingRuntime",
    "ModelFormatSpec",
    "ModelFramework",
    "ModelSizeRange",
    "ServingRuntime",
    "ServingRuntimeSpec",
    "ServingRuntimeStatus",
    "SupportedModelFormat",
    "TensorParallelismOverride",
    "WorkerPodSpec",
]


def _checked_size(text: str) -> str:
    parse_size(text)
    return text


SizeText = Annotated[str, Field(max_length=64), AfterValidator(lambda text: _checked_size(text) if text else text)]
"""A model size such as "7B"; "" when it is not given."""


class TensorParallelismOverride(ApiType):
    """How a model is spread over devices of one class; None leaves it to us."""

    tensor_parallel_size: Positive | None = None
    pipeline_parallel_size: Positive | None = None
    data_parallel_size: Positive | None = None


class AcceleratorModelConfig(ApiType):
    """What changes when a model of this entry runs on one accelerator class.

    Attributes:
        min_memory_per_billion_params: GiB.
        runtime_args_override: Arguments that replace those of the same flag, or are added.
        environment_override: Environment variables, by name.
    """

    min_memory_per_billion_params: Int64 | None = Field(default=None, ge=0)
    tensor_parallelism_override: TensorParallelismOverride | None = None
    runtime_args_override: tuple[str, ...] = ()
    environment_override: dict[str, str] = {}


class SupportedModelFormat(ApiType):
    """One entry of what a runtime serves. What an entry leaves out ("" or None) accepts anything.

    Attributes:
        name: Deprecated by OME for `modelFormat.name`.
        model_type: Deprecated by OME.
        version: Deprecated by OME for `modelFormat.version`.
        operator: Deprecated by OME for the one of the format and of the framework.
        auto_select: None counts as false for choosing by itself, and as true for scoring, as OME.
        priority: None counts as 1.
        accelerator_config: By AcceleratorClass name.
    """

    name: str = ""
    model_format: ModelFormatSpec | None = None
    model_type: str = ""
    version: str = ""
    model_framework: ModelFramework | None = None
    model_architecture: str = ""
    quantization: str = ""
    diffusion_pipeline: DiffusionPipeline | None = None
    auto_select: Flag | None = None
    priority: Positive | None = None
    operator: Operator | None = None
    accelerator_config: dict[str, AcceleratorModelConfig] = {}


class ModelSizeRange(ApiType):
    """Sizes that a runtime serves, both ends included; either may be absent.

    Attributes:
        min: As text: "0.5B"; "" for no lower bound.
        max: As text; "" for no upper bound.
    """

    min: SizeText = ""
    max: SizeText = ""

    @property
    def min_parameters(self) -> int | None:
        """Lower bound in parameters, or None."""
        return parse_size(self.min) if self.min else None

    @property
    def max_parameters(self) -> int | None:
        """Upper bound in parameters, or None."""
        return parse_size(self.max) if self.max else None

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        low, high = self.min_parameters, self.max_parameters
        if low is not None and high is not None and low > high:
            raise FieldError(
                f'min "{self.min}" is more than max "{self.max}"',
                accepted="min up to max; either may be absent",
                field="min",
            )
        return self


class AcceleratorRequirements(ApiType):
    """What a runtime needs of an accelerator.

    Attributes:
        accelerator_classes: Names it supports; empty for any.
        min_memory: GiB of one device.
        min_compute_performance_tflops: Of the preferred precision.
        min_architecture_version: Compute capability, compared as a version: "9.0".
    """

    accelerator_classes: tuple[str, ...] = ()
    min_memory: Count | None = None
    min_compute_performance_tflops: Count | None = Field(default=None, alias="minComputePerformanceTFLOPS")
    min_architecture_version: str = ""
    required_features: tuple[str, ...] = ()
    preferred_precisions: tuple[str, ...] = ()


class WorkerPodSpec(RuntimePodFields):
    """Workers of a runtime of OME's older form.

    Attributes:
        size: Pods besides the leader.
    """

    size: Count | None = None


class ServingRuntimeSpec(RuntimePodFields):
    """How models of some formats are served.

    Attributes:
        protocol_versions: openAI, cohere, openInference-v1, openInference-v2.
        workers: OME's older form of `engineConfig.worker`.
    """

    supported_model_formats: tuple[SupportedModelFormat, ...] = ()
    model_size_range: ModelSizeRange | None = None
    disabled: Flag = False
    router_config: RouterSpec | None = None
    engine_config: EngineSpec | None = None
    decoder_config: DecoderSpec | None = None
    protocol_versions: tuple[str, ...] = ()
    workers: WorkerPodSpec | None = None
    accelerator_requirements: AcceleratorRequirements | None = None

    def notices(self) -> tuple[Problem, ...]:
        """An entry without a format matches no model in OME."""
        return tuple(
            Problem(
                f"supportedModelFormats[{index}].modelFormat",
                "is missing: OME matches no model with this entry; here it accepts any format",
                kind="notice",
            )
            for index, entry in enumerate(self.supported_model_formats)
            if entry.model_format is None and not entry.name
        )


class ServingRuntimeStatus(Status):
    """Nothing is written here, by OME or by us; what a runtime is refused for stands in the status of a service."""


class ServingRuntime(Resource):
    """A runtime of one namespace."""

    IS_NAMESPACED: ClassVar[bool] = True

    kind: Literal["ServingRuntime"] = "ServingRuntime"
    spec: ServingRuntimeSpec
    status: ServingRuntimeStatus = ServingRuntimeStatus()


class ClusterServingRuntime(Resource):
    """A runtime of the whole cluster."""

    IS_NAMESPACED: ClassVar[bool] = False

    kind: Literal["ClusterServingRuntime"] = "ClusterServingRuntime"
    spec: ServingRuntimeSpec
    status: ServingRuntimeStatus = ServingRuntimeStatus()
