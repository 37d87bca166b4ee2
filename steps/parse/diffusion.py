"""Diffusion pipelines: the components that `model_index.json` names."""

from typing import Final

from steps.facts import DiffusionComponent
from steps.parse.config import Config

_MAX_COMPONENTS: Final = 100


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
