"""What a person types for a kind: its name, plural or short name in any case, or `models`, `runtimes`, `services`."""

from collections.abc import Mapping

from crds.kinds import KINDS

from steps.errors import InvalidInputError

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "models": ("ClusterBaseModel", "BaseModel"),
    "model": ("ClusterBaseModel", "BaseModel"),
    "runtimes": ("ClusterServingRuntime", "ServingRuntime"),
    "runtime": ("ClusterServingRuntime", "ServingRuntime"),
    "services": ("InferenceService",),
    "service": ("InferenceService",),
    "accelerators": ("AcceleratorClass",),
    "benchmarks": ("BenchmarkJob",),
}


def kinds_of(word: str) -> tuple[str, ...]:
    """The kinds that `word` means; `all` means every kind.

    Raises:
        InvalidInputError: with the words that are accepted.
    """
    wanted = word.lower()
    if wanted == "all":
        return tuple(KINDS)
    if wanted in _GROUPS:
        return _GROUPS[wanted]
    for name, kind in KINDS.items():
        if wanted in {name.lower(), kind.plural, *kind.short_names}:
            return (name,)
    words = [*_GROUPS, *(kind.plural for kind in KINDS.values())]
    raise InvalidInputError(f'kind: "{word}" is unknown', remedy=f"Accepted: all, {', '.join(words)}.")
