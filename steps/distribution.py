"""How a model's bytes come to several nodes: each from its source, or also from each other."""

import hashlib
import os
from dataclasses import replace

from crds.distribution import Distribution
from steps.cluster.pod import is_on_cluster, system_namespace
from steps.errors import InvalidInputError
from steps.swarm.settings import PeerSettings

SERVICE = "ome-peers"
"""The headless Service of the pods that cache models, in the system namespace."""


def find_peers(manifest: str, distribution: Distribution) -> PeerSettings | None:
    """Where other nodes are that may import the same manifest; None to fetch all from the source.

    What shows that a node is one of the import is made of something that on a cluster only those know who may read
    the manifest, and on machines without one it is given to each (`OME_PEER_KEY`).

    Args:
        manifest: Its digest.
        distribution: `auto` is a swarm where peers are named.

    Raises:
        InvalidInputError: for a swarm without peers or without a key.
        OmeError: of the class that fits, when the API server refuses.
    """
    named = os.environ.get("OME_PEERS") or (f"{SERVICE}.{system_namespace()}.svc" if is_on_cluster() else "")
    if distribution == "direct" or (distribution == "auto" and not named):
        return None
    settings = PeerSettings.from_environment(_key(manifest), {**os.environ, "OME_PEERS": named})
    if settings is None and distribution == "swarm":
        missing = "OME_PEER_KEY" if named else "OME_PEERS"
        raise InvalidInputError(
            f'distribution: "swarm" needs {missing}, which is not set',
            remedy="Set OME_PEERS to host:port of all machines, OME_PEER_KEY to a secret of theirs; or choose direct.",
        )
    return replace(settings, is_required=distribution == "swarm") if settings is not None else None


def _key(manifest: str) -> str:
    if is_on_cluster():
        from steps.cluster.manifests import manifest_uid

        secret = manifest_uid(manifest)
    else:
        secret = os.environ.get("OME_PEER_KEY", "")
    return hashlib.sha256(f"peers of {manifest} {secret}".encode()).hexdigest() if secret else ""
