"""Nodes that import the same model at once give its bytes to each other, so that its source is asked for each once.

Every node serves what it has of the model over HTTP, follows what the others have, and asks its source only for what
nobody has and nobody fetches. There is no tracker and no server beside them; what comes is checked against the
manifest's digests as if it came from the source (docs/swarm.md).
"""

from steps.swarm.settings import PeerSettings
from steps.swarm.swarm import Swarm

__all__ = ["PeerSettings", "Swarm"]
