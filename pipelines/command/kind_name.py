"""What a person types for a kind: its name, plural or short name in any case, or `models`, `runtimes`, `services`."""

from collections.abc import Mapping

from crds.kinds import KINDS, find_kind
from crds.problems import FieldError
from steps.errors import InvalidInputError

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "models": ("ClusterBaseModel", "BaseModel"),
    "runtimes": ("ClusterServingRuntime", "ServingRuntime"),
    "services": ("InferenceService",),
    "accelerators": ("AcceleratorClass",),
    "benchmarks": ("BenchmarkJob",),
}
"""Words of their own, in the plural; the singular means the same."""


def kinds_of(word: str) -> tuple[str, ...]:
    """The kinds that `word` means; `all` means every kind.

    Raises:
        InvalidInputError: with the words that are accepted.
    """
    wanted = word.lower()
    if wanted == "all":
        return tuple(KINDS)
    for plural, kinds in _GROUPS.items():
        if wanted in (plural, plural.removesuffix("s")):
            return kinds
    try:
        return (find_kind(wanted).name,)
    except FieldError as error:
        accepted = ", ".join(["all", *_GROUPS, *KINDS])
        raise InvalidInputError(f"kind: {error.message}", remedy=f"Accepted: {accepted}.") from None
