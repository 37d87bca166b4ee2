"""BenchmarkJob: what to measure, on which endpoint, how often, and what the measurements were."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from crds.autoscaling import LONGEST_URL, checked_http_url, is_number
from crds.base import UNIQUE, ApiType, Count, Flag, Positive
from crds.benchmark_status import BenchmarkJobStatus, BenchmarkResult
from crds.cron import checked_schedule, checked_time_zone
from crds.kubernetes import Affinity, EnvFromSource, EnvVar, ResourceRequirements, Toleration, Volume, VolumeMount
from crds.metadata import Namespace, ObjectName
from crds.problems import FieldError, shown
from crds.resource import Resource
from crds.scenario import LONGEST, MOST, TASKS, checked_task, parse_scenario
from crds.storage import StorageSpec
from crds.thresholds import Thresholds

ApiFormat = Literal["openai", "oci-cohere", "cohere"]
_OUTPUT_SCHEMES = ("oci", "s3", "gs", "az", "pvc", "local", "github")


class HuggingFaceSecretReference(ApiType):
    """A Secret in the job's namespace with a hub token, for tokenizers."""

    name: ObjectName


class InferenceServiceReference(ApiType):
    """A service to measure.

    Attributes:
        namespace: "" for the job's own.
    """

    name: ObjectName
    namespace: Namespace = ""


class DirectEndpoint(ApiType):
    """An endpoint that is no service of ours.

    Attributes:
        url: Its base, http or https.
        model_name: What requests carry in `model`.
    """

    url: Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(checked_http_url)]
    api_format: ApiFormat
    model_name: str = ""


class EndpointSpec(ApiType):
    """What is measured: a service, or a URL."""

    inference_service: InferenceServiceReference | None = None
    endpoint: DirectEndpoint | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [self.inference_service is not None, self.endpoint is not None]
        if sum(given) != 1:
            message = "inferenceService and endpoint are both given" if any(given) else "has no endpoint"
            raise FieldError(message, accepted="exactly one of inferenceService and endpoint")
        return self


class ServiceMetadata(ApiType):
    """Labels of the server that is measured, for reports.

    Attributes:
        engine: vLLM, SGLang, TGI, or any other name.
        gpu_type: H100, A100, MI300, A10, or any other name.
    """

    engine: str
    version: str
    gpu_type: str
    gpu_count: Count


class PodOverride(ApiType):
    """What the pod that measures has of its own."""

    image: str = ""
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    resources: ResourceRequirements | None = None
    tolerations: tuple[Toleration, ...] = ()
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    volumes: tuple[Volume, ...] = ()


class Baseline(ApiType):
    """What a run is compared with; with neither field, the job's last run that passed.

    Attributes:
        run: Name of an earlier run of this job.
        results: Numbers, in the form of `status.results`.
    """

    run: str = ""
    results: tuple[BenchmarkResult, ...] = ()

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.run and self.results:
            raise FieldError("run and results are both given", accepted="one of run and results, or neither")
        return self


class BenchmarkJobSpec(ApiType):
    """What to measure.

    Attributes:
        task: As genai-bench names tasks; OME's image-to-text is its image-text-to-text.
        traffic_scenarios: Empty for genai-bench's default ones of the task, those that the model has room for.
        num_concurrency: Requests at once, for embeddings and rerank texts per request, each a cell with each scenario;
            empty for genai-bench's default.
        max_time_per_iteration: Minutes for one cell.
        max_requests_per_iteration: Requests for one cell.
        additional_request_params: Added to each request's body.
        output_location: Where reports are uploaded to: s3, gs, az or oci; other schemes have no effect.
        result_folder_name: Name of the folder there; "" for the run's name, so that each run has its own.
        schedule: Cron; "" runs once.
        time_zone: Of the schedule; "" is UTC.
        suspend: Whether the schedule rests; a run that has started goes on.
        history_limit: Runs that `status.history` keeps; None is 10.
    """

    hugging_face_secret_reference: HuggingFaceSecretReference | None = None
    endpoint: EndpointSpec
    service_metadata: ServiceMetadata | None = None
    task: Annotated[str, AfterValidator(checked_task), Field(json_schema_extra={"enum": list(TASKS)})]
    traffic_scenarios: tuple[Annotated[str, Field(max_length=LONGEST)], ...] = Field(
        default=(), max_length=MOST, json_schema_extra=UNIQUE
    )
    num_concurrency: tuple[Positive, ...] = Field(default=(), max_length=MOST, json_schema_extra=UNIQUE)
    max_time_per_iteration: Positive
    max_requests_per_iteration: Positive
    additional_request_params: dict[str, Annotated[str, Field(max_length=8192)]] = Field(default={}, max_length=64)
    dataset: StorageSpec | None = None
    output_location: StorageSpec
    result_folder_name: Annotated[str, Field(max_length=255)] = ""
    pod_override: PodOverride | None = None
    schedule: Annotated[
        str, Field(max_length=256), AfterValidator(lambda text: checked_schedule(text) if text else text)
    ] = ""
    time_zone: Annotated[
        str, Field(max_length=64), AfterValidator(lambda text: checked_time_zone(text) if text else text)
    ] = ""
    suspend: Flag | None = None
    history_limit: Count | None = Field(default=None)
    baseline: Baseline | None = None
    thresholds: Thresholds | None = None

    @model_validator(mode="after")
    def _scenarios_suit_task(self) -> Self:
        for index, text in enumerate(self.traffic_scenarios):
            try:
                parse_scenario(text, self.task)
            except FieldError as error:
                field = f"trafficScenarios[{index}]"
                raise FieldError(error.message, accepted=error.accepted, field=field) from None
        _require_unique("trafficScenarios", self.traffic_scenarios)
        _require_unique("numConcurrency", self.num_concurrency)
        return self

    @model_validator(mode="after")
    def _output_can_be_written(self) -> Self:
        uri = self.output_location.require_uri("outputLocation").uri
        if uri is not None and uri.scheme not in _OUTPUT_SCHEMES:
            raise FieldError(
                f"{shown(str(uri))} cannot keep results",
                accepted=", ".join(f"{scheme}://" for scheme in _OUTPUT_SCHEMES),
                field="outputLocation.storageUri",
            )
        if "/" in self.result_folder_name or self.result_folder_name in (".", ".."):
            raise FieldError(
                f"{shown(self.result_folder_name)} is not a folder's name",
                accepted="a name without slashes",
                field="resultFolderName",
            )
        return self

    @model_validator(mode="after")
    def _request_params_are_sane(self) -> Self:
        temperature = self.additional_request_params.get("temperature")
        if temperature is not None and not _is_temperature(temperature):
            raise FieldError(
                f"{shown(temperature)} is not a temperature",
                accepted='a number from 0, as text: "0.7"',
                field="additionalRequestParams.temperature",
            )
        ignore_eos = self.additional_request_params.get("ignore_eos", "true")
        if ignore_eos not in ("true", "false"):
            raise FieldError(
                f"{shown(ignore_eos)} is neither true nor false",
                accepted='"true" or "false", as text',
                field="additionalRequestParams.ignore_eos",
            )
        return self

    @model_validator(mode="after")
    def _time_zone_has_schedule(self) -> Self:
        if self.time_zone and not self.schedule:
            raise FieldError("is given without a schedule", accepted="timeZone beside schedule", field="timeZone")
        return self


class BenchmarkJob(Resource):
    """A measurement, once or on a schedule."""

    IS_NAMESPACED: ClassVar[bool] = True

    kind: Literal["BenchmarkJob"] = "BenchmarkJob"
    spec: BenchmarkJobSpec
    status: BenchmarkJobStatus = BenchmarkJobStatus()


def _require_unique(field: str, values: tuple[Any, ...]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise FieldError(f"{shown(value)} is there twice", accepted="each value once", field=f"{field}[{index}]")


def _is_temperature(text: str) -> bool:
    return is_number(text) and float(text) >= 0
