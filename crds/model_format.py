"""How a model is stored and which library it is written for: said by models, and asked for by runtimes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from crds.base import ApiType, Int64
from crds.problems import did_you_mean, shown

Operator = Literal["Equal", "GreaterThan", "GreaterThanOrEqual"]
"""How a runtime entry's version must stand to the model's; with none, `Equal`. Only read on runtimes."""


class ModelFormatSpec(ApiType):
    """The format of the weights, such as safetensors, gguf, onnx, pytorch or diffusers.

    Attributes:
        version: "" for any.
        operator: None when the author named none.
        weight: What a match counts when runtimes are ranked; None when the author gave none (OME counts 1).
    """

    name: str
    version: str = ""
    operator: Operator | None = None
    weight: Int64 | None = Field(default=None)


class ModelFramework(ApiType):
    """The library that the model's configuration is written for: transformers, diffusers or onnxruntime.

    Attributes:
        version: "" for any.
        operator: None when the author named none.
        weight: What a match counts when runtimes are ranked; None when the author gave none (OME counts 1).
    """

    name: str
    version: str = ""
    operator: Operator | None = None
    weight: Int64 | None = Field(default=None)


class DiffusionComponent(ApiType):
    """One component of a diffusion pipeline: the library and the class that load it."""

    library: str = ""
    type: str = ""


class DiffusionPipeline(ApiType):
    """A diffusion pipeline, as its `model_index.json` lists it."""

    class_name: str = ""
    scheduler: DiffusionComponent | None = None
    text_encoder: DiffusionComponent | None = None
    tokenizer: DiffusionComponent | None = None
    transformer: DiffusionComponent | None = None
    vae: DiffusionComponent | None = None
    additional_components: dict[str, DiffusionComponent] = {}


CAPABILITIES = (
    "TEXT_TO_TEXT", "EMBEDDING", "RERANK", "TEXT_TO_AUDIO", "TEXT_TO_IMAGE", "TEXT_TO_VIDEO", "IMAGE_TEXT_TO_TEXT",
    "IMAGE_TEXT_TO_AUDIO", "IMAGE_TEXT_TO_IMAGE", "IMAGE_TEXT_TO_VIDEO", "VIDEO_TEXT_TO_AUDIO", "AUDIO_TO_TEXT",
    "AUDIO_TO_AUDIO", "AUDIO_TRANSLATION",
    "TEXT_GENERATION", "TEXT_SUMMARIZATION", "TEXT_EMBEDDINGS", "TEXT_RERANK", "CHAT", "VISION",
)  # fmt: skip
"""OME's words, the six of its older vocabulary last."""

API_CAPABILITIES = (
    "OPENAI_V1_CHAT_COMPLETIONS", "OPENAI_V1_RESPONSES", "OPENAI_V1_EMBEDDINGS", "OPENAI_V1_IMAGES_GENERATIONS",
    "OPENAI_V1_IMAGES_EDITS", "OPENAI_V1_AUDIO_SPEECH", "OPENAI_V1_AUDIO_TRANSCRIPTIONS",
    "OPENAI_V1_AUDIO_TRANSLATIONS", "OPENAI_V1_REALTIME",
)  # fmt: skip


def normalise_capability(word: str) -> str:
    """OME's constant for a word in any case, with hyphens, blanks or underscores: `text-to-text` is `TEXT_TO_TEXT`.

    A word that OME does not have stays as it is: OME takes any text here.
    """
    constant = word.strip().upper().replace("-", "_").replace(" ", "_")
    return constant if constant in CAPABILITIES or constant in API_CAPABILITIES else word


Capability = Annotated[str, AfterValidator(normalise_capability)]


def unknown_capability(word: str, known: tuple[str, ...] = CAPABILITIES) -> str:
    """Why a word is odd, or "" when it is one of OME's."""
    if word in known:
        return ""
    guess = did_you_mean(word, known)
    return f"{shown(word)} is none of OME's capabilities" + (f'; did you mean "{guess}"?' if guess else "")
