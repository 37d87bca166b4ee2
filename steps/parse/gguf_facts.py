"""Facts of a GGUF model: exact counts and sizes from its tensor list, everything else from its metadata keys."""

from collections import Counter
from typing import Final

from crds.size import format_size
from steps.errors import InvalidInputError
from steps.facts import Attention, Facts, ParameterCount, Quantization
from steps.parse.attention import attention_kind
from steps.parse.capabilities import EMBEDDING, IMAGE, RERANK, TEXT
from steps.parse.chat import tool_call_parser
from steps.parse.gguf import GgufHeader, GgufTensor, read_gguf_metadata
from steps.parse.gguf_architectures import ARCHITECTURES
from steps.parse.gguf_types import FILE_TYPES, TENSOR_TYPES, UNQUANTIZED
from steps.parse.layout import Layout
from steps.parse.ranges import ModelFiles

_GUESSED: Final = 1024
_NOT_PARAMETERS: Final = ("rope_freqs", "rope_factors_long", "rope_factors_short")
_DTYPES: Final = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64"}
_POOLING_RANK: Final = 4
_VALUE_BYTES: Final = 2
_STATE_BYTES: Final = 4
_LARGEST: Final = 1 << 40


def gguf_facts(files: ModelFiles, layout: Layout) -> Facts:
    """Facts of a GGUF model, of all its parts when it is split.

    Raises:
        InvalidInputError: names the file whose header is broken.
        UnsupportedError: for GGUF version 1 and big-endian files.
        OmeError: of the source, when a file cannot be read.
    """
    headers = [_read(files, path) for path in layout.weights]
    first = headers[0]
    tensors = [tensor for header in headers for tensor in header.tensors]
    seen: set[str] = set()
    for tensor in tensors:
        if tensor.name in seen:
            raise InvalidInputError(f'{layout.weights[0]}: tensor "{tensor.name[:100]}" is in two parts')
        seen.add(tensor.name)
    kind = first.text("general.architecture")
    template = first.text("tokenizer.chat_template")
    count = _count(tensors, first, kind)
    has_vision = first.number("clip.has_vision_encoder") > 0 or any("mmproj" in path for path in layout.others)
    vocabulary = first.number(f"{kind}.vocab_size") or len(first.array("tokenizer.ggml.tokens"))
    return Facts(
        model_type=kind,
        architecture=ARCHITECTURES.get(kind, ""),
        parameters=count,
        parameter_size=format_size(count.total),
        format="gguf",
        format_version=str(first.version),
        dtype=_plain_dtype(tensors),
        quantization=_quantization(first, tensors),
        bytes_on_disk=sum(files.entry(path).size for path in layout.weights),
        bytes_in_memory=sum(tensor.bytes for tensor in tensors),
        context_length=_bounded(first, f"{kind}.context_length"),
        hidden_size=_bounded(first, f"{kind}.embedding_length"),
        vocabulary_size=min(vocabulary, _LARGEST),
        experts=_bounded(first, f"{kind}.expert_count"),
        experts_per_token=_bounded(first, f"{kind}.expert_used_count"),
        attention=_attention(first, kind),
        capabilities=_capabilities(first, kind, has_vision=has_vision),
        has_vision=has_vision,
        has_chat_template=bool(template),
        tool_call_parser=tool_call_parser(template),
        licence=files.manifest.licence or first.text("general.license")[:200],
        is_gated=files.manifest.is_gated,
        weight_files=layout.named,
        warnings=_warnings(first, tensors, layout, kind),
    )


def _read(files: ModelFiles, path: str) -> GgufHeader:
    return read_gguf_metadata(lambda start, end: files.range(path, start, end), files.entry(path).size, name=path)


def _bounded(header: GgufHeader, key: str) -> int:
    """A whole number; of a list (a value for each layer) the largest."""
    value = header.metadata.get(key)
    numbers = value if isinstance(value, tuple) else (value,)
    whole = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= _LARGEST]
    return max(whole, default=0)


def _count(tensors: list[GgufTensor], header: GgufHeader, kind: str) -> ParameterCount:
    total = embedding = routed = 0
    unknown = ""
    for tensor in tensors:
        base = tensor.name.removesuffix(".weight")
        if base.rpartition(".")[2] in _NOT_PARAMETERS:
            continue
        total += tensor.values
        if base in ("token_embd", "output", "per_layer_token_embd"):
            embedding += tensor.values
        if "_exps." in tensor.name:
            routed += tensor.values
        if tensor.type.startswith("type "):
            unknown = f'tensor "{tensor.name[:80]}" has the unknown {tensor.type}'
    experts, used = _bounded(header, f"{kind}.expert_count"), _bounded(header, f"{kind}.expert_used_count")
    idle = routed - routed * used // experts if 0 < used <= experts else 0
    return ParameterCount(
        total=total, active=total - idle, embedding=embedding, source="gguf header", reason=unknown,
        confidence="estimated" if unknown else "exact",
    )  # fmt: skip


def _plain_dtype(tensors: list[GgufTensor]) -> str:
    values: Counter[str] = Counter()
    for tensor in tensors:
        if tensor.type in _DTYPES:
            values[tensor.type] += tensor.values
    most = values.most_common(1)
    return _DTYPES[most[0][0]] if most else ""


def _quantization(header: GgufHeader, tensors: list[GgufTensor]) -> Quantization | None:
    values: Counter[str] = Counter()
    for tensor in tensors:
        values[tensor.type] += tensor.values
    known = [name for name, _ in values.most_common() if name not in UNQUANTIZED and not name.startswith("type ")]
    if not known:
        return None
    block = next(kind for kind in TENSOR_TYPES.values() if kind.name == known[0])
    file_type = header.metadata.get("general.file_type")
    named = FILE_TYPES.get(file_type & ~_GUESSED) if isinstance(file_type, int) and file_type >= 0 else None
    return Quantization(
        method=(named if named and named not in UNQUANTIZED else known[0]).lower(),
        bits=block.block_bytes * 8 / block.block_values,
        group_size=block.block_values,
    )


def _attention(header: GgufHeader, kind: str) -> Attention:
    """The cache's cost; `head_count_kv` may be a list with 0 for layers that do not attend."""
    layers = min(_bounded(header, f"{kind}.block_count"), 20_000)
    heads = _bounded(header, f"{kind}.attention.head_count")
    stated = header.metadata.get(f"{kind}.attention.head_count_kv")
    kv_heads = _bounded(header, f"{kind}.attention.head_count_kv") if stated is not None else heads
    hidden = _bounded(header, f"{kind}.embedding_length")
    key = _bounded(header, f"{kind}.attention.key_length") or (hidden // heads if heads else 0)
    value = _bounded(header, f"{kind}.attention.value_length") or key
    latent = _bounded(header, f"{kind}.attention.kv_lora_rank")
    by_layer = [n if isinstance(n, int) else 0 for n in stated] if isinstance(stated, tuple) else [kv_heads] * layers
    by_layer = [min(max(n, 0), _LARGEST) for n in by_layer[:layers]]
    window = _bounded(header, f"{kind}.attention.sliding_window")
    slides = _sliding(header, kind, len(by_layer)) if window else [False] * len(by_layer)
    if latent:
        per_head, by_layer, kv_heads = latent + _bounded(header, f"{kind}.rope.dimension_count"), [1] * layers, 1
        slides = [False] * layers
    else:
        per_head = key + value
    attending = sum(1 for n in by_layer if n)
    is_causal = header.metadata.get(f"{kind}.attention.causal", True) is not False
    unit = per_head * _VALUE_BYTES if is_causal else 0
    return Attention(
        layers=layers, heads=heads, kv_heads=kv_heads, head_dim=key,
        kv_bytes_per_token=unit * sum(n for n, slide in zip(by_layer, slides, strict=True) if not slide),
        sliding_layers=sum(slides),
        sliding_kv_bytes_per_token=unit * sum(n for n, slide in zip(by_layer, slides, strict=True) if slide),
        sliding_window=window if any(slides) else 0,
        state_bytes_per_sequence=_state_bytes(header, kind, layers - attending if attending else layers),
        kind=attention_kind(heads, kv_heads, attending, layers, is_latent=bool(latent)),
    )  # fmt: skip


def _sliding(header: GgufHeader, kind: str, layers: int) -> list[bool]:
    """Which layers slide: as a stated list, else by what the architecture is known for, else all."""
    pattern = header.array(f"{kind}.attention.sliding_window_pattern")
    if len(pattern) == layers:
        return [bool(flag) for flag in pattern]
    every = {"gemma2": 2, "gpt-oss": 2, "gemma3": 6, "cohere2": 4, "gemma3n": 5}.get(kind, 0)
    every = _bounded(header, f"{kind}.attention.sliding_window_pattern") or every
    return [not every or (index + 1) % every != 0 for index in range(layers)]


def _state_bytes(header: GgufHeader, kind: str, layers: int) -> int:
    inner, state = _bounded(header, f"{kind}.ssm.inner_size"), _bounded(header, f"{kind}.ssm.state_size")
    kernel, groups = _bounded(header, f"{kind}.ssm.conv_kernel"), _bounded(header, f"{kind}.ssm.group_count")
    if not inner:
        return 0
    return layers * _STATE_BYTES * (inner * state + max(kernel - 1, 0) * (inner + 2 * groups * state))


def _capabilities(header: GgufHeader, kind: str, *, has_vision: bool) -> tuple[str, ...]:
    pooling = header.number(f"{kind}.pooling_type")
    if pooling == _POOLING_RANK:
        return (RERANK,)
    if pooling or "bert" in kind or header.metadata.get(f"{kind}.attention.causal") is False:
        return (EMBEDDING,)
    if header.text("general.type") not in ("", "model"):
        return ()
    return (IMAGE, TEXT) if has_vision else (TEXT,)


def _warnings(header: GgufHeader, tensors: list[GgufTensor], layout: Layout, kind: str) -> tuple[str, ...]:
    found = []
    if not kind:
        found.append(f"{layout.weights[0]}: general.architecture is missing, so sizes of layers are unknown.")
    if not tensors:
        found.append(f"{layout.weights[0]}: has no tensors.")
    more = [path for path in layout.others if path.endswith(".gguf")]
    if more:
        found.append(f"Not read, because {layout.weights[0]} was chosen: {', '.join(more[:5])}.")
    said = header.number("split.count")
    if said and said != len(layout.weights):
        found.append(f"{layout.weights[0]}: says it has {said} parts, {len(layout.weights)} are there.")
    return tuple(found)
