"""Facts of diffusion pipelines: the components that `model_index.json` names, each counted, and lone components."""

from collections.abc import Mapping, Sequence
from typing import Final

from crds.size import format_size
from steps.errors import InvalidInputError
from steps.facts import DiffusionComponent, Facts, ParameterCount
from steps.parse.capabilities import diffusion_capabilities
from steps.parse.config import Config, text_part
from steps.parse.context import context_length
from steps.parse.layout import Layout, component_files
from steps.parse.plain_count import PlainCount, count_files
from steps.parse.ranges import ModelFiles
from steps.parse.strict_json import load_object

_INDEX: Final = "model_index.json"
_ENCODER: Final = "text_encoder/config.json"
_MAX_COMPONENTS: Final = 100
_MAX_WARNINGS: Final = 50


def diffusion_facts(files: ModelFiles, layout: Layout) -> Facts:
    """Facts of a pipeline: its components' weights added up, what lies in other folders left out.

    Raises:
        InvalidInputError: names the file that is broken.
        OmeError: of the source, when a file cannot be read.
    """
    index = Config(load_object(files.whole(_INDEX) or b"", _INDEX), _INDEX)
    encoder = files.whole(_ENCODER)
    context = 0
    if encoder is not None:
        described = Config(load_object(encoder, _ENCODER), _ENCODER, index.warnings)
        context = context_length(text_part(described))
    components = diffusion_components(index)
    by_name = {name: component_files(layout.weights, f"{name}/") for name in components}
    if not any(by_name.values()):  # all in one file beside the index, or under names that the index does not have
        weights = tuple(path for path in layout.weights if "/" in path) or layout.weights
        return _facts(files, layout, index, count_files(files, weights), weights, context).model_copy(
            update={"diffusion": components}
        )
    counts = {name: count_files(files, paths) for name, paths in by_name.items() if paths}
    counted = {
        name: component.model_copy(update={"parameters": counts[name].parameters.total, "bytes": counts[name].bytes})
        if name in counts
        else component
        for name, component in components.items()
    }
    weights = tuple(path for paths in by_name.values() for path in paths)
    facts = _facts(files, layout, index, _added(counts), weights, context)
    return facts.model_copy(update={"diffusion": counted})


def lone_component_facts(files: ModelFiles, layout: Layout, config: Config) -> Facts:
    """Facts of a diffusers model by itself: one component without its pipeline.

    Raises:
        InvalidInputError: names the file that is broken.
        OmeError: of the source, when a file cannot be read.
    """
    return _facts(files, layout, config, count_files(files, layout.weights), layout.weights, 0)


def diffusion_components(index: Config) -> dict[str, DiffusionComponent]:
    """Library and class of each component; one that is `[null, null]` (left out of the pipeline) has neither."""
    found: dict[str, DiffusionComponent] = {}
    for name, value in index.values.items():
        if name.startswith("_") or len(found) >= _MAX_COMPONENTS:
            continue
        component = _component(value)
        if component is not None:
            found[name] = component
    return found


def _component(value: object) -> DiffusionComponent | None:
    if isinstance(value, dict):
        return _made(value.get("_library", value.get("_library_name")), value.get("_class_name"))
    if isinstance(value, list) and len(value) == 2 and all(v is None or isinstance(v, str) for v in value):
        return _made(value[0], value[1])
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return _made("", value[0])
    return None


def _made(library: object, kind: object) -> DiffusionComponent:
    return DiffusionComponent(
        library=library[:200] if isinstance(library, str) else "", type=kind[:200] if isinstance(kind, str) else ""
    )


def _added(counts: Mapping[str, PlainCount]) -> PlainCount:
    """The sum over components; the type is that of the largest."""
    total = sum(count.parameters.total for count in counts.values())
    reason = next((f"{name}: {c.parameters.reason}" for name, c in counts.items() if c.parameters.reason), "")
    parameters = ParameterCount(
        total=total,
        active=total,
        confidence="estimated" if reason else "exact",
        source=", ".join(sorted({count.parameters.source for count in counts.values()})),
        reason=reason,
    )
    largest = max(counts.values(), key=lambda count: count.parameters.total)
    return PlainCount(parameters, largest.dtype, sum(count.bytes for count in counts.values()))


def _facts(
    files: ModelFiles, layout: Layout, config: Config, counted: PlainCount, weights: Sequence[str], context: int
) -> Facts:
    name = config.text("_class_name")
    if not name:
        raise InvalidInputError(f"{config.where}: _class_name is missing, so the pipeline is unknown")
    return Facts(
        model_type="diffusers",
        architecture=name,
        parameters=counted.parameters,
        parameter_size=format_size(counted.parameters.total),
        format="diffusers",
        format_version=config.text("_diffusers_version"),
        framework="diffusers",
        framework_version=config.text("_diffusers_version"),
        dtype=counted.dtype,
        bytes_on_disk=sum(files.entry(path).size for path in weights),
        bytes_in_memory=counted.bytes,
        context_length=context,
        capabilities=diffusion_capabilities(name),
        licence=files.manifest.licence,
        is_gated=files.manifest.is_gated,
        weight_files=Layout(layout.format, tuple(weights)).named,
        warnings=tuple(config.warnings)[:_MAX_WARNINGS],
    )
