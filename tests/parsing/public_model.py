"""A public model's configuration, and what is known to be true of it."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class PublicModel:
    """A configuration and what is known to be true of it; 0 and "" mean that it is not compared.

    `active` contains the embeddings, which some authors leave out of theirs.
    """

    name: str
    config: Json
    total: float
    active: float = 0
    context: int = 0
    capabilities: tuple[str, ...] = ("TEXT_TO_TEXT",)
    kv_bytes_per_token: int = 0
    kind: str = ""
    files: Json = field(default_factory=dict)
