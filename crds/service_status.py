"""The status of an InferenceService: OME's fields, and the selection that is pinned until the spec changes."""

from typing import Annotated, Literal

from pydantic import Field

from crds.base import ApiType, Count, Flag, Int32, Int64, Positive
from crds.kubernetes import Addressable, TrafficTarget
from crds.status import Status

TransitionStatus = Literal["", "UpToDate", "InProgress", "BlockedByFailedLoad", "InvalidSpec"]
LoadState = Literal["", "Pending", "Standby", "Loading", "Loaded", "FailedToLoad"]
FitVerdict = Literal["fits", "tight", "does-not-fit", "unknown"]


class AcceleratorSelection(ApiType):
    """Which accelerator a component runs on, as OME's status has it."""

    accelerator_class: str
    reason: str = ""
    node_selector: dict[str, str] = {}
    resource_requests: dict[str, str] = {}


class ComponentStatus(ApiType):
    """One component."""

    latest_ready_revision: str = ""
    latest_created_revision: str = ""
    previous_rolledout_revision: str = ""
    latest_rolledout_revision: str = ""
    traffic: tuple[TrafficTarget, ...] = ()
    url: str = ""
    rest_url: str = Field(default="", alias="restURL")
    address: Addressable | None = None
    selected_accelerator: AcceleratorSelection | None = None


class ModelRevisionStates(ApiType):
    """How far loading is."""

    active_model_state: LoadState = ""
    target_model_state: LoadState = ""


class FailureInfo(ApiType):
    """The last failure to load."""

    location: str = ""
    reason: str = ""
    message: str = ""
    model_revision_name: str = ""
    time: str = ""
    exit_code: Int32 | None = None


class ModelCopies(ApiType):
    """How many copies are loaded."""

    failed_copies: Count = 0
    total_copies: Count | None = None


class ServiceModelStatus(ApiType):
    """The model of a service."""

    transition_status: TransitionStatus = ""
    model_revision_states: ModelRevisionStates | None = None
    last_failure_info: FailureInfo | None = None
    model_copies: ModelCopies | None = None


class SelectedParallelism(ApiType):
    """How the model is spread; devices are the product."""

    tensor: Positive = 1
    pipeline: Positive = 1
    data: Positive = 1


class SelectedFit(ApiType):
    """Bytes on each device against what it has.

    Attributes:
        context: Tokens a sequence that was assumed.
        concurrency: Sequences at once that were assumed.
    """

    verdict: FitVerdict = "unknown"
    weights: Annotated[Int64, Field(ge=0)] = 0
    kv_cache: Annotated[Int64, Field(ge=0)] = 0
    activations: Annotated[Int64, Field(ge=0)] = 0
    cuda_graphs: Annotated[Int64, Field(ge=0)] = 0
    adapters: Annotated[Int64, Field(ge=0)] = 0
    overhead: Annotated[Int64, Field(ge=0)] = 0
    needed: Annotated[Int64, Field(ge=0)] = 0
    available: Annotated[Int64, Field(ge=0)] = 0
    context: Count = 0
    concurrency: Count = 1
    confidence: Literal["exact", "estimated"] = "exact"
    explanation: str = ""


class RefusedCandidate(ApiType):
    """A runtime that was not chosen, and why.

    Attributes:
        runtime: Its name; namespaced ones as `namespace/name`.
        is_candidate: True when it would do but ranked lower.
    """

    runtime: str
    reason: str
    is_candidate: Flag = False


class Selection(ApiType):
    """What was chosen. It stays until the spec changes or `ome.io/reselect` is set.

    Attributes:
        runtime: "" when none was found; `refused` then says why not.
        runtime_namespace: "" for a ClusterServingRuntime.
        accelerator: AcceleratorClass, or "" when the runtime asks for none.
        context: Tokens a sequence that were asked for; 0 for the runtime's own.
        matched_entry: Which of the runtime's supportedModelFormats matched, counted from 0.
        model_revision: Of the model when this was chosen.
        observed_generation: Of the service when this was chosen.
        reasons: Why it won.
        refused: The others, best first; where they are many, with shortened reasons.
        left_out: How many more were not chosen than `refused` has room for.
        warnings: What was accepted but is not exact.
    """

    runtime: str = ""
    runtime_namespace: str = ""
    accelerator: str = ""
    parallelism: SelectedParallelism | None = None
    fit: SelectedFit | None = None
    context: Count = 0
    matched_entry: Count = 0
    model_revision: str = ""
    observed_generation: Int64 | None = None
    score: Int64 | None = None
    reasons: tuple[str, ...] = ()
    refused: tuple[RefusedCandidate, ...] = ()
    left_out: Count = 0
    warnings: tuple[str, ...] = ()


class InferenceServiceStatus(Status):
    """What became of a service.

    Attributes:
        url: Where it answers.
        components: By name: engine, decoder, router, predictor.
    """

    annotations: dict[str, str] = {}
    address: Addressable | None = None
    url: str = ""
    components: dict[str, ComponentStatus] = {}
    model_status: ServiceModelStatus | None = None
    selection: Selection | None = None
