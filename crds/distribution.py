"""How a model's bytes come to several nodes: `spec.storage.parameters.distribution`.

A file of its own, because the steps that take it start faster without the types of whole resources.
"""

from typing import Literal

Distribution = Literal["auto", "swarm", "direct"]
"""swarm: nodes give them to each other; direct: each fetches all from the source; auto: a swarm where that can be."""
