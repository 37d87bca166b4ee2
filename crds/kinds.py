"""The kinds of this API: type, names, and scope. `ome get`, `ome apply` and the resource folder look kinds up here.

Types are imported when they are first asked for, so that a program which only needs names starts quickly.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crds.problems import FieldError, did_you_mean, shown

if TYPE_CHECKING:
    from crds.resource import Resource


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        name: As in `kind:`.
        module: Where its pydantic type is.
        plural: As in URLs and folders.
        is_namespaced: Whether each object belongs to a namespace.
        short_names: For the command line.
    """

    name: str
    module: str
    plural: str
    is_namespaced: bool
    short_names: tuple[str, ...]

    @property
    def singular(self) -> str:
        """The name in lower case."""
        return self.name.lower()

    @property
    def type(self) -> "type[Resource]":
        """Its pydantic type."""
        found: type[Resource] = getattr(importlib.import_module(self.module), self.name)
        return found


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("BaseModel", "crds.model", "basemodels", True, ("bm",)),
        Kind("ClusterBaseModel", "crds.model", "clusterbasemodels", False, ("cbm",)),
        Kind("FineTunedWeight", "crds.fine_tuned_weight", "finetunedweights", False, ("ftw",)),
        Kind("ServingRuntime", "crds.serving_runtime", "servingruntimes", True, ("srt",)),
        Kind("ClusterServingRuntime", "crds.serving_runtime", "clusterservingruntimes", False, ("csrt",)),
        Kind("InferenceService", "crds.inference_service", "inferenceservices", True, ("isvc",)),
        Kind("BenchmarkJob", "crds.benchmark_job", "benchmarkjobs", True, ("bmj",)),
        Kind("AcceleratorClass", "crds.accelerator_class", "acceleratorclasses", False, ("acc",)),
    )
}
"""Every kind, by its name."""

PLURALS: Mapping[str, str] = {kind.name: kind.plural for kind in KINDS.values()}
NAMESPACED: frozenset[str] = frozenset(kind.name for kind in KINDS.values() if kind.is_namespaced)

_BY_WORD: Mapping[str, Kind] = {
    word: kind for kind in KINDS.values() for word in (kind.singular, kind.plural, *kind.short_names)
}


def find_kind(word: str) -> Kind:
    """The kind that a user means by its name, plural or short name, in any case, with or without `.ome.io`.

    Raises:
        FieldError: with a suggestion.
    """
    kind = _BY_WORD.get(word.lower().partition(".")[0])
    if kind is None:
        guess = did_you_mean(word, [*KINDS, *_BY_WORD])
        hint = f'; did you mean "{guess}"?' if guess else ""
        raise FieldError(f"{shown(word)} is not a kind{hint}", accepted=", ".join(KINDS), field="kind")
    return kind
