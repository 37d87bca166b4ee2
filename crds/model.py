"""BaseModel and ClusterBaseModel: a model, where it comes from, and all that is known about it."""

import json
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from crds.base import ApiType, Count, Flag, Int32, Int64, Percentage, Positive
from crds.kubernetes import FreeObject
from crds.model_format import (
    API_CAPABILITIES,
    CAPABILITIES,
    Capability,
    DiffusionPipeline,
    ModelFormatSpec,
    ModelFramework,
    unknown_capability,
)
from crds.problems import FieldError, Problem, shown
from crds.resource import Resource
from crds.size import parse_size
from crds.status import Status
from crds.storage import StorageSpec

Distribution = Literal["auto", "direct", "swarm"]
ModelState = Literal["Creating", "Importing", "In_Transit", "In_Training", "Ready", "Failed"]
Lifecycle = Literal["Deprecated", "Experiment", "Public", "Internal"]


class ModelExtension(ApiType):
    """What a model and a fine-tuned weight have in common.

    Attributes:
        version: The author's own; no part of selection.
        compartment_id: OCI's; deprecated by OME for a label.
    """

    display_name: str = ""
    version: str = ""
    disabled: Flag = False
    vendor: str = ""
    compartment_id: str = Field(default="", alias="compartmentID")


class ModelSpec(ModelExtension):
    """A model. What is left out is filled in once its files are parsed.

    Attributes:
        model_type: `model_type` of its config: llama, qwen3 …
        model_architecture: Transformers class: LlamaForCausalLM.
        model_parameter_size: As text: "7.62B".
        quantization: fp8, fbgemm_fp8, int4, or the method's own name.
        model_capabilities: OME's words; other spellings of them are normalised.
        api_capabilities: OME's words for the protocols it speaks.
        model_configuration: What the parser found, as an object; JSON text is read too.
        serving_mode: On-demand, Dedicated.
        max_tokens: Context length.
        min_ready_nodes: Nodes that must have the model before it is Ready; None for every target node.
        distribution: How nodes get the files: each from the source (direct), or from each other (swarm); None is auto.
    """

    model_format: ModelFormatSpec | None = None
    model_type: str = ""
    model_framework: ModelFramework | None = None
    model_architecture: str = ""
    quantization: str = ""
    model_parameter_size: str = ""
    model_capabilities: tuple[Capability, ...] = ()
    api_capabilities: tuple[Capability, ...] = ()
    model_configuration: FreeObject | None = None
    storage: StorageSpec
    serving_mode: tuple[str, ...] = ()
    max_tokens: Int32 | None = Field(default=None, ge=0)
    additional_metadata: dict[str, str] = {}
    diffusion_pipeline: DiffusionPipeline | None = None
    min_ready_nodes: Positive | None = None
    distribution: Distribution | None = None

    @field_validator("model_configuration", mode="before")
    @classmethod
    def _read_json_text(cls, value: Any) -> Any:
        return object_or_json_text(value)

    @model_validator(mode="after")
    def _has_uri(self) -> Self:
        self.storage.require_uri("storage")
        return self

    def notices(self) -> tuple[Problem, ...]:
        """Words and sizes that no selection will understand."""
        found = []
        for field, words, known in (
            ("modelCapabilities", self.model_capabilities, CAPABILITIES),
            ("apiCapabilities", self.api_capabilities, API_CAPABILITIES),
        ):
            for index, word in enumerate(words):
                if message := unknown_capability(word, known):
                    found.append(Problem(f"{field}[{index}]", message, ", ".join(known), kind="notice"))
        if self.model_parameter_size:
            try:
                parse_size(self.model_parameter_size)
            except FieldError as error:
                found.append(Problem("modelParameterSize", error.message, error.accepted, kind="notice"))
        return tuple(found)


class ModelArtifact(ApiType):
    """The immutable revision that is cached.

    Attributes:
        uri: As it was asked for.
        revision: Commit, etag or generation.
        digest: Of the manifest.
        total_bytes: Of all files.
        files: How many.
        signed_by: Whose signature was verified: `sha256:` of the PEM in `parameters.signedBy`; "" for none.
    """

    uri: str = ""
    revision: str = ""
    digest: str = ""
    total_bytes: Int64 | None = Field(default=None, ge=0)
    files: Count | None = None
    signed_by: str = ""


class ModelSource(ApiType):
    """What the source named when it was last asked, for a model whose URI names what may move.

    Attributes:
        uri: That was asked for.
        question: Digest of all that was asked for: the URI, the patterns, how the source is reached.
        revision: That it named; "" before it has told one.
        digest: Of the manifest of that revision.
        checked_at: RFC 3339.
        refresh: The annotation `ome.io/refresh` as it was then.
        reason: Why the source could not be asked, in one CamelCase word; "" when it could.
        message: The same as a sentence.
        followed: The revision that nodes are to have since `OnChange` took it; "" for that of the first import.
        followed_digest: Of the manifest of that revision.
    """

    uri: str = ""
    question: str = ""
    revision: str = ""
    digest: str = ""
    checked_at: str = ""
    refresh: str = ""
    reason: str = ""
    message: str = ""
    followed: str = ""
    followed_digest: str = ""


class ModelProgress(ApiType):
    """How far an import is.

    Attributes:
        phase: Resolving, Parsing, Downloading, Verifying …
        completed_bytes: Of all nodes of the run together.
        total_bytes: The same.
        percent: The share of these.
        bytes_per_second: Of all nodes together, over the last minute.
        estimated_completion_time: RFC 3339; absent while the rate of a node at work is not known, or is 0.
        observed_at: RFC 3339, when these numbers were seen.
        nodes_ready: As text: "3/8".
        slowest_node: Name of the node that the others wait for.
        slowest_node_percent: Its share of its own bytes.
        slowest_node_bytes_per_second: 0 when it has stalled.
    """

    phase: str = ""
    completed_bytes: Int64 | None = Field(default=None, ge=0)
    total_bytes: Int64 | None = Field(default=None, ge=0)
    percent: Percentage | None = None
    bytes_per_second: Int64 | None = Field(default=None, ge=0)
    estimated_completion_time: str = ""
    observed_at: str = ""
    nodes_ready: str = ""
    slowest_node: str = ""
    slowest_node_percent: Percentage | None = None
    slowest_node_bytes_per_second: Int64 | None = Field(default=None, ge=0)


class ModelStatus(Status):
    """What became of a model.

    Attributes:
        lifecycle: OME's; nothing writes it.
        state: Derived from the conditions, for those who read it as OME's.
        nodes_ready: Names of nodes that have every file.
        nodes_failed: Names of nodes where caching failed for good.
        source: What the source named when it was last asked whether it has moved.
    """

    lifecycle: Lifecycle | None = None
    state: ModelState | None = None
    nodes_ready: tuple[str, ...] = ()
    nodes_failed: tuple[str, ...] = ()
    artifact: ModelArtifact | None = None
    source: ModelSource | None = None
    progress: ModelProgress | None = None


class BaseModel(Resource):
    """A model of one namespace."""

    IS_NAMESPACED: ClassVar[bool] = True

    kind: Literal["BaseModel"] = "BaseModel"
    spec: ModelSpec
    status: ModelStatus = ModelStatus()


class ClusterBaseModel(Resource):
    """A model of the whole cluster."""

    IS_NAMESPACED: ClassVar[bool] = False

    kind: Literal["ClusterBaseModel"] = "ClusterBaseModel"
    spec: ModelSpec
    status: ModelStatus = ModelStatus()


def object_or_json_text(value: Any) -> Any:
    """A JSON object that may have been written as text.

    Raises:
        FieldError: when the text is no JSON object.
    """
    if not isinstance(value, str):
        return value
    accepted = "an object, or a JSON object as text"
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise FieldError(f"{shown(value)} is not JSON: {error}", accepted=accepted) from None
    if not isinstance(parsed, dict):
        raise FieldError(f"{shown(value)} is JSON, but not an object", accepted=accepted)
    return parsed
