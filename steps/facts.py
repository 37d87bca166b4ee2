"""The facts: what parse hands to select, fit, publish and benchmark. Every number comes from headers or configs."""

from typing import Literal

from steps.frozen import Frozen

ModelFormat = Literal["safetensors", "gguf", "onnx", "pytorch", "tensorrt-llm", "diffusers"]
Confidence = Literal["exact", "estimated"]


class ParameterCount(Frozen):
    """How many parameters, and how we know.

    Attributes:
        total: All parameters, packed quantized tensors counted as the values they hold.
        active: Parameters used per token (differs from total in mixture-of-experts models).
        embedding: Parameters of token embeddings (and an untied output head), contained in total.
        confidence: `exact` from tensor headers, `estimated` from a formula over the config.
        source: What was counted: "safetensors headers", "gguf header", "config formula" …
        reason: Why it is only estimated; "" when exact.
    """

    total: int
    active: int
    embedding: int = 0
    confidence: Confidence = "exact"
    source: str = ""
    reason: str = ""


class Quantization(Frozen):
    """How weights are quantized.

    Attributes:
        method: OME's word where one fits (fp8, fbgemm_fp8, int4), else the method's own (mxfp4, awq, gptq, nvfp4,
            compressed-tensors, bitsandbytes, gguf's file type such as q4_k_m).
        bits: Bits per weight of the dominant quantized tensors; fractional for block formats.
        group_size: Weights that share a scale, 0 when unknown.
        kv_cache_dtype: "" unless the checkpoint names one.
    """

    method: str
    bits: float
    group_size: int = 0
    kv_cache_dtype: str = ""


class Attention(Frozen):
    """What the KV cache costs, by layer type.

    Attributes:
        layers: Transformer layers in all.
        heads: Query heads.
        kv_heads: Key-value heads (GQA, MQA).
        head_dim: Size of one head.
        kv_bytes_per_token: Bytes one token adds to the cache over all full-attention layers, at 16 bits per value.
        sliding_layers: How many of the layers keep only `sliding_window` tokens.
        sliding_kv_bytes_per_token: Bytes one token adds over the sliding layers, up to the window, at 16 bits.
        sliding_window: Tokens, 0 for none.
        state_bytes_per_sequence: Constant state, in bytes: of recurrent (SSM, linear attention) layers, and of an
            encoder's output that a decoder attends to.
        kind: gqa, mha, mqa, mla (whatever the other layers do), hybrid, or none.
    """

    layers: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    kv_bytes_per_token: int = 0
    sliding_layers: int = 0
    sliding_kv_bytes_per_token: int = 0
    sliding_window: int = 0
    state_bytes_per_sequence: int = 0
    kind: str = "none"


class Adapter(Frozen):
    """An adapter's own facts; the rank is the largest of its layers', 0 for methods without ranks."""

    rank: int
    alpha: float
    targets: tuple[str, ...]
    base_model: str


class DiffusionComponent(Frozen):
    """One component of a diffusion pipeline: the library and class that load it, and what its weights add up to.

    Attributes:
        parameters: 0 for one without weights, such as a scheduler.
        bytes: Of its tensors, as stored.
    """

    library: str
    type: str
    parameters: int = 0
    bytes: int = 0


class Facts(Frozen):
    """All that is known about a model without running it.

    Attributes:
        model_type: `model_type` of the config, or `general.architecture` of a GGUF.
        architecture: Transformers class name (`LlamaForCausalLM`), or the diffusion pipeline's class.
        parameter_size: As OME prints it: "134.52M", "7.62B".
        format: How the weights are stored, with its version ("3" for GGUF v3, "1.0.0" for safetensors as OME writes).
        framework: Library that the config is written for, with its version ("" when unknown).
        dtype: Dominant dtype of the unquantized weights: bfloat16, float16, float32 …
        bytes_on_disk: Bytes of the weight files.
        bytes_in_memory: Bytes of all tensors once loaded as stored (no padding, no headers).
        context_length: Tokens, after rope scaling; 0 when unknown.
        capabilities: OME's vocabulary: TEXT_TO_TEXT, EMBEDDING, IMAGE_TEXT_TO_TEXT …
        has_chat_template: Whether the tokenizer or the GGUF carries one.
        tool_call_parser: Hint for engines that ask for one, or "".
        vocabulary_size: Tokens.
        weight_files: Relative paths that hold the tensors, in order (for a GGUF runtime the first is the model); of
            thousands the first, as facts are handed on as a parameter.
        warnings: What was odd but not fatal, in sentences.
    """

    model_type: str
    architecture: str
    parameters: ParameterCount
    parameter_size: str
    format: ModelFormat
    format_version: str = ""
    framework: str = ""
    framework_version: str = ""
    dtype: str = ""
    quantization: Quantization | None = None
    bytes_on_disk: int = 0
    bytes_in_memory: int = 0
    context_length: int = 0
    hidden_size: int = 0
    vocabulary_size: int = 0
    experts: int = 0
    experts_per_token: int = 0
    attention: Attention = Attention()
    capabilities: tuple[str, ...] = ()
    has_vision: bool = False
    has_chat_template: bool = False
    tool_call_parser: str = ""
    adapter: Adapter | None = None
    diffusion: dict[str, DiffusionComponent] = {}
    licence: str = ""
    is_gated: bool = False
    weight_files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
