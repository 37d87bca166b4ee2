"""What a model can do, in OME's words, from its architecture, heads, towers and sentence-transformers files."""

from dataclasses import dataclass
from typing import Final

from steps.parse.traits import ENCODERS

TEXT: Final = "TEXT_TO_TEXT"
EMBEDDING: Final = "EMBEDDING"
RERANK: Final = "RERANK"
IMAGE: Final = "IMAGE_TEXT_TO_TEXT"
HEARING: Final = "AUDIO_TO_TEXT"
_OMNI: Final = (TEXT, IMAGE, "TEXT_TO_AUDIO", "IMAGE_TEXT_TO_AUDIO", "VIDEO_TEXT_TO_AUDIO", HEARING, "AUDIO_TO_AUDIO")
_SPEECH_TO_TEXT: Final = ("whisper", "wav2vec2", "hubert", "forctc", "forspeechtotext", "forspeechseq2seq", "parakeet",
                          "moonshine")  # fmt: skip
_TEXT_TO_SPEECH: Final = ("fortexttospeech", "texttowaveform", "vits", "bark", "tts", "csmfor", "musicgen", "kokoro")
_CLASSIFIERS: Final = ("ForTokenClassification", "ForQuestionAnswering", "ForImageClassification", "ForMultipleChoice",
                       "ForObjectDetection", "ForAudioClassification", "ForSemanticSegmentation")  # fmt: skip
_RETRIEVAL: Final = ("embedding", "sentence", "forretrieval", "colbert", "clipmodel", "siglipmodel", "siglip2model",
                     "fortextencoding")  # fmt: skip
_GENERATES: Final = ("forcausallm", "forconditionalgeneration", "lmheadmodel", "forseq2seqlm", "forvision2seq")


@dataclass(frozen=True)
class Signs:
    """What capabilities are told from.

    Attributes:
        architecture: Transformers class name, or "".
        model_type: Of the root.
        has_vision, has_audio: Whether there is such a tower.
        labels: Outputs of a classification head, 0 when unknown.
        pooling: Whether sentence-transformers modules pool tokens into a vector.
        is_cross_encoder: Whether sentence-transformers files say that pairs are scored.
        own_class: What the model's own code gives for `AutoModel`, "" when it has none.
        name: The URI in lower case; only tells rerankers among causal models.
    """

    architecture: str
    model_type: str
    has_vision: bool = False
    has_audio: bool = False
    labels: int = 0
    pooling: bool = False
    is_cross_encoder: bool = False
    own_class: str = ""
    name: str = ""


@dataclass(frozen=True)
class Capabilities:
    """OME's words; `note` says why there are none, in a sentence."""

    words: tuple[str, ...]
    note: str = ""


def capabilities_of(signs: Signs) -> Capabilities:
    """OME's words for what a model can do; the first rule that fits decides."""
    lower = signs.architecture.lower()
    is_encoder = signs.model_type in ENCODERS
    if signs.is_cross_encoder or "rerank" in lower or "forranking" in lower:
        return Capabilities((RERANK,))
    if signs.pooling:
        return Capabilities((EMBEDDING,))
    if "rewardmodel" in lower or "forreward" in lower:
        return Capabilities((), _reward(signs))
    if "forsequenceclassification" in lower:
        return _classifier(signs, is_encoder=is_encoder)
    if signs.architecture.endswith(_CLASSIFIERS):
        return Capabilities((), f"{signs.architecture} labels its input; OME has no capability for that.")
    if any(sign in lower for sign in _SPEECH_TO_TEXT):
        return Capabilities((HEARING, "AUDIO_TRANSLATION") if "whisper" in lower else (HEARING,))
    if "omni" in lower:
        return Capabilities(_OMNI)
    if any(sign in lower for sign in _TEXT_TO_SPEECH):
        return Capabilities(("TEXT_TO_AUDIO",))
    if _embeds(signs, lower, is_encoder=is_encoder):
        return Capabilities((EMBEDDING,))
    if "rerank" in signs.name and not signs.has_vision:
        return Capabilities((RERANK,))
    return Capabilities(_generation(signs))


def _generation(signs: Signs) -> tuple[str, ...]:
    words = [IMAGE] if signs.has_vision else []
    words.append(TEXT)
    if signs.has_audio:
        words.append(HEARING)
    return tuple(words)


def _embeds(signs: Signs, lower: str, *, is_encoder: bool) -> bool:
    if any(sign in lower for sign in _RETRIEVAL):
        return True
    # ChatGLM calls itself ChatGLMModel, and only its own code says ChatGLMForConditionalGeneration.
    if any(sign in name for sign in _GENERATES for name in (lower, signs.own_class.lower())):
        return False
    # A bare text model without a head (MistralModel, BertModel) gives hidden states: it is used for embeddings, and so
    # is one that guesses masked words.
    is_bare = lower.endswith(("model", "formaskedlm"))
    return is_encoder or (is_bare and not signs.has_vision and not signs.has_audio)


def _classifier(signs: Signs, *, is_encoder: bool) -> Capabilities:
    if "rerank" in signs.name or (is_encoder and signs.labels == 1):
        return Capabilities((RERANK,))
    if signs.labels == 1:
        return Capabilities((), _reward(signs))
    return Capabilities((), f"{signs.architecture} labels its input; OME has no capability for that.")


def _reward(signs: Signs) -> str:
    return f"{signs.architecture} is a reward model: it scores a conversation; OME has no capability for that."


def diffusion_capabilities(pipeline: str) -> tuple[str, ...]:
    """OME's words for a diffusion pipeline's class name."""
    lower = pipeline.lower().replace("_", "")
    if any(w in lower for w in ("imagetovideo", "image2video", "i2v", "stablevideo", "img2vid")):
        return ("IMAGE_TEXT_TO_VIDEO",)
    if any(
        w in lower for w in ("video", "t2v", "wanpipeline", "mochi", "ltxpipeline", "latte", "allegro", "cogvideox")
    ):
        return ("TEXT_TO_VIDEO",)
    if any(w in lower for w in ("imageedit", "pix2pix", "img2img", "inpaint", "kontext", "imagevariation", "upscale",
                                "controlnet", "editplus", "outpaint", "fluxfill")):  # fmt: skip
        return ("IMAGE_TEXT_TO_IMAGE",)
    if any(w in lower for w in ("audio", "music", "riffusion")):
        return ("TEXT_TO_AUDIO",)
    return ("TEXT_TO_IMAGE",)
