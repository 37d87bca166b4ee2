"""All facts of a model, from its manifest and ranged reads: the parser's entrance, called by `steps.parse_model`."""

from typing import Final

from crds.size import format_size
from steps.errors import InvalidInputError
from steps.facts import Facts, ParameterCount
from steps.manifest import Manifest
from steps.parse.adapter import adapter_of
from steps.parse.attention import attention_facts, hidden_size_of
from steps.parse.capabilities import Capabilities, Signs, capabilities_of, diffusion_capabilities
from steps.parse.chat import tool_call_parser
from steps.parse.config import Config, audio_part, text_part, vision_part
from steps.parse.config_files import ConfigFiles, needed_config, read_config_files
from steps.parse.context import context_length
from steps.parse.count import count_parameters
from steps.parse.diffusion import diffusion_components
from steps.parse.formula import vocabulary_size, with_defaults
from steps.parse.gguf_facts import gguf_facts
from steps.parse.layers import experts_of, experts_per_token_of
from steps.parse.layout import Layout, find_layout
from steps.parse.packed import Packing
from steps.parse.quantization import quantization_of
from steps.parse.ranges import ModelFiles, RangeReader
from steps.parse.shards import read_tensors
from steps.parse.strict_json import load_object
from steps.parse.tensors import count_tensors

SAFETENSORS_VERSION: Final = "1.0.0"
_DTYPES: Final = {"float": "float32", "fp32": "float32", "half": "float16", "fp16": "float16", "bf16": "bfloat16"}
_MAX_WARNINGS: Final = 50


def parse_facts(manifest: Manifest, reader: RangeReader) -> Facts:
    """Everything that headers and configurations tell of a model.

    Args:
        manifest: Its files.
        reader: Reads ranges of them.

    Raises:
        InvalidInputError: names the file that is broken and what is wrong with it.
        NotFoundError: names a configuration or a shard that is missing.
        UnsupportedError: for formats that this version cannot read.
        OmeError: of the source, when a file cannot be read.
    """
    files = ModelFiles(manifest, reader)
    layout = find_layout(manifest)
    if layout.format == "gguf":
        return gguf_facts(files, layout)
    if layout.format == "diffusers":
        return _diffusion_facts(files, layout)
    small = read_config_files(files, layout.folder)
    if small.adapter is not None and small.config is None:
        return _adapter_facts(files, layout, small.adapter)
    return _model_facts(files, layout, small)


def _model_facts(files: ModelFiles, layout: Layout, small: ConfigFiles) -> Facts:
    root = needed_config(small, layout.folder, files.manifest.uri)
    if not root.has("model_type") and root.has("_class_name"):
        return _component_facts(files, layout, root)
    text = with_defaults(text_part(root))
    if not root.has("model_type", "architectures", "architecture") and not hidden_size_of(text):
        raise InvalidInputError(
            f"{root.where}: has neither model_type nor architectures nor sizes of layers, so it describes no model",
            remedy="Check that this is the model's own config.json.",
        )
    architecture = _architecture(root, text)
    quantization = quantization_of(root, small.hf_quant)
    counted = count_parameters(files, layout, root, text, quantization)
    has_vision = vision_part(root) is not None or root.has("mm_vision_tower", "vision_tower", "embd_layer")
    able = _capabilities(files, root, small, architecture, has_vision=has_vision)
    notes = [able.note] if able.note else []
    return Facts(
        model_type=root.text("model_type") or text.text("model_type"),
        architecture=architecture,
        parameters=counted.parameters,
        parameter_size=format_size(counted.parameters.total),
        format=layout.format,
        format_version=SAFETENSORS_VERSION if layout.format == "safetensors" else "",
        framework="tensorrt-llm" if layout.format == "tensorrt-llm" else "transformers",
        framework_version=root.text("transformers_version") or text.text("transformers_version"),
        dtype=_dtype(text) or counted.dtype,
        quantization=quantization,
        bytes_on_disk=sum(files.entry(path).size for path in layout.weights),
        bytes_in_memory=counted.bytes,
        context_length=context_length(text, small.tokenizer),
        hidden_size=hidden_size_of(text),
        vocabulary_size=vocabulary_size(text),
        experts=experts_of(text),
        experts_per_token=experts_per_token_of(text) if experts_of(text) else 0,
        attention=attention_facts(text),
        capabilities=able.words,
        has_vision=has_vision,
        has_chat_template=bool(small.chat_template),
        tool_call_parser=tool_call_parser(small.chat_template),
        licence=files.manifest.licence,
        is_gated=files.manifest.is_gated,
        weight_files=layout.named,
        warnings=tuple([*root.warnings, *counted.warnings, *notes])[:_MAX_WARNINGS],
    )


def _architecture(root: Config, text: Config) -> str:
    named = (name for level in (root, text) for name in (*level.texts("architectures"), level.text("architecture")))
    return next((name for name in named if name), "")


def _dtype(config: Config) -> str:
    named = config.text("dtype", "torch_dtype").removeprefix("torch.").lower()
    return _DTYPES.get(named, named if named != "auto" else "")


def _capabilities(
    files: ModelFiles, root: Config, small: ConfigFiles, architecture: str, *, has_vision: bool
) -> Capabilities:
    labels = root.section("id2label")
    library = small.sentence_transformers
    return capabilities_of(
        Signs(
            architecture=architecture,
            model_type=root.text("model_type"),
            has_vision=has_vision,
            has_audio=audio_part(root) is not None or root.has("audio_processor"),
            labels=root.integer("num_labels") or (len(labels.values) if labels is not None else 0),
            pooling=small.pools or (library is not None and library.has("similarity_fn_name")),
            is_cross_encoder=root.section("sentence_transformers") is not None
            or (library is not None and library.text("model_type") == "CrossEncoder"),
            name=files.manifest.uri.lower(),
        )
    )


def _adapter_facts(files: ModelFiles, layout: Layout, config: Config) -> Facts:
    adapter = adapter_of(config)
    parameters, dtype, data = _plain_count(files, layout)
    kind = config.text("peft_type").lower() or "lora"
    warnings = list(config.warnings)
    if not adapter.base_model:
        warnings.append(f"{config.where}: base_model_name_or_path is missing, so the adapter's model is unknown.")
    return Facts(
        model_type=kind,
        architecture="",
        parameters=parameters,
        parameter_size=format_size(parameters.total),
        format=layout.format,
        format_version=SAFETENSORS_VERSION if layout.format == "safetensors" else "",
        framework="peft",
        framework_version=config.text("peft_version"),
        dtype=dtype,
        bytes_on_disk=sum(files.entry(path).size for path in layout.weights),
        bytes_in_memory=data,
        adapter=adapter,
        licence=files.manifest.licence,
        is_gated=files.manifest.is_gated,
        weight_files=layout.named,
        warnings=tuple(warnings)[:_MAX_WARNINGS],
    )


def _diffusion_facts(files: ModelFiles, layout: Layout) -> Facts:
    index = Config(load_object(files.whole("model_index.json") or b"", "model_index.json"), "model_index.json")
    pipeline = index.text("_class_name")
    encoder = files.whole("text_encoder/config.json")
    context = 0
    if encoder is not None:
        described = Config(
            load_object(encoder, "text_encoder/config.json"), "text_encoder/config.json", index.warnings
        )
        context = context_length(text_part(described))
    return _diffusers(files, layout, index, pipeline, context).model_copy(
        update={"diffusion": diffusion_components(index)}
    )


def _component_facts(files: ModelFiles, layout: Layout, config: Config) -> Facts:
    """A diffusers model by itself: one component without its pipeline."""
    return _diffusers(files, layout, config, config.text("_class_name"), 0)


def _diffusers(files: ModelFiles, layout: Layout, config: Config, name: str, context: int) -> Facts:
    if not name:
        raise InvalidInputError(f"{config.where}: _class_name is missing, so the pipeline is unknown")
    parameters, dtype, data = _plain_count(files, layout)
    return Facts(
        model_type="diffusers",
        architecture=name,
        parameters=parameters,
        parameter_size=format_size(parameters.total),
        format="diffusers",
        format_version=config.text("_diffusers_version"),
        framework="diffusers",
        framework_version=config.text("_diffusers_version"),
        dtype=dtype,
        bytes_on_disk=sum(files.entry(path).size for path in layout.weights),
        bytes_in_memory=data,
        context_length=context,
        capabilities=diffusion_capabilities(name),
        licence=files.manifest.licence,
        is_gated=files.manifest.is_gated,
        weight_files=layout.named,
        warnings=tuple(config.warnings)[:_MAX_WARNINGS],
    )


def _plain_count(files: ModelFiles, layout: Layout) -> tuple[ParameterCount, str, int]:
    """Parameters, dominant dtype and bytes of weight files that no language model's configuration explains."""
    paths = [path for path in layout.weights if path.endswith(".safetensors")]
    if not paths:
        size = sum(files.entry(path).size for path in layout.weights)
        guess = ParameterCount(
            total=size // 2,
            active=size // 2,
            confidence="estimated",
            source="file sizes",
            reason="only safetensors headers tell exact counts; 16 bits a value are assumed",
        )
        return guess, "", size
    found = [read_tensors(files, [path], None) for path in paths]
    counts = [count_tensors(part.tensors, Packing()) for part in found]
    total = sum(count.total for count in counts)
    reason = next((count.reason for count in counts if count.reason), "")
    dtype = max(counts, key=lambda count: count.total).dtype
    parameters = ParameterCount(
        total=total,
        active=total,
        confidence="estimated" if reason else "exact",
        source="safetensors headers",
        reason=reason,
    )
    return parameters, dtype, sum(part.data_bytes for part in found)
