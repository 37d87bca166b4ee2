"""All facts of a model, from its manifest and ranged reads: the parser's entrance, called by `steps.parse_model`."""

from typing import Final

from crds.size import format_size
from steps.errors import InvalidInputError
from steps.facts import Facts
from steps.manifest import Manifest
from steps.parse.adapter import adapter_kind, adapter_of, is_adapter
from steps.parse.attention import attention_facts, hidden_size_of
from steps.parse.capabilities import Capabilities, Signs, capabilities_of
from steps.parse.chat import tool_call_parser
from steps.parse.config import Config, audio_part, text_part, vision_part
from steps.parse.config_files import ConfigFiles, needed_config, read_config_files
from steps.parse.context import context_length
from steps.parse.count import count_parameters
from steps.parse.diffusion import diffusion_facts, lone_component_facts
from steps.parse.formula import vocabulary_size, with_defaults
from steps.parse.gguf_facts import gguf_facts
from steps.parse.layers import experts_of, experts_per_token_of
from steps.parse.layout import Layout, find_layout
from steps.parse.plain_count import count_files
from steps.parse.quantization import quantization_of
from steps.parse.ranges import ModelFiles, RangeReader
from steps.parse.tensorrt_llm import check_ranks, from_engine

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
        return diffusion_facts(files, layout)
    small = read_config_files(files, layout.folder)
    has_model = small.config is not None
    if small.adapter is not None and is_adapter(small.adapter, layout.weights, has_model=has_model):
        return _adapter_facts(files, layout, small.adapter)
    return _model_facts(files, layout, small)


def _model_facts(files: ModelFiles, layout: Layout, small: ConfigFiles) -> Facts:
    root = needed_config(small, layout.folder, files.manifest.uri)
    version, built_for = root.text("version"), ""
    if layout.format == "tensorrt-llm":
        built_for = check_ranks(root, layout)
        root = from_engine(root)
    if not root.has("model_type") and root.has("_class_name"):
        return lone_component_facts(files, layout, root)
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
    notes = [note for note in (able.note, built_for) if note]
    return Facts(
        model_type=root.text("model_type") or text.text("model_type"),
        architecture=architecture,
        parameters=counted.parameters,
        parameter_size=format_size(counted.parameters.total),
        format=layout.format,
        format_version=SAFETENSORS_VERSION if layout.format == "safetensors" else "",
        framework="tensorrt-llm" if layout.format == "tensorrt-llm" else "transformers",
        framework_version=version
        if layout.format == "tensorrt-llm"
        else root.text("transformers_version") or text.text("transformers_version"),
        dtype=(layout.format == "onnx" and counted.dtype) or _dtype(text) or counted.dtype,  # exporters change it
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
        warnings=tuple([*root.warnings, *counted.warnings, *notes, *_left_out(layout)])[:_MAX_WARNINGS],
    )


def _left_out(layout: Layout) -> list[str]:
    if not layout.others:
        return []
    more = f" and {len(layout.others) - 5} more" if len(layout.others) > 5 else ""
    return [f"Not read, because {layout.weights[0]} was chosen: {', '.join(layout.others[:5])}{more}."]


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
            own_class=own_code.text("AutoModel") if (own_code := root.section("auto_map")) is not None else "",
            name=files.manifest.uri.lower(),
        )
    )


def _adapter_facts(files: ModelFiles, layout: Layout, config: Config) -> Facts:
    adapter = adapter_of(config)
    parameters, dtype, data = count_files(files, layout.weights)
    warnings = list(config.warnings)
    if not adapter.base_model:
        warnings.append(f"{config.where}: base_model_name_or_path is missing, so the adapter's model is unknown.")
    return Facts(
        model_type=adapter_kind(config),
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
