"""How pods that cache a model find each other and may talk: a headless Service, and who alone gets through to them."""

from crds.labels import STEP
from pipelines.install.objects import Object, new_object
from steps.distribution import SERVICE
from steps.swarm.settings import PORT

_CACHING = {STEP: "cache-model"}


def peer_objects() -> list[Object]:
    """A Service that names every pod as soon as it has an address, and a policy that keeps others away from them."""
    port = {"name": "peers", "port": PORT, "protocol": "TCP"}
    return [
        new_object(
            "v1",
            "Service",
            SERVICE,
            "peers",
            spec={"clusterIP": "None", "publishNotReadyAddresses": True, "selector": dict(_CACHING), "ports": [port]},
        ),
        new_object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            SERVICE,
            "peers",
            spec={
                "podSelector": {"matchLabels": dict(_CACHING)},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [{"podSelector": {"matchLabels": dict(_CACHING)}}],
                        "ports": [{"port": PORT, "protocol": "TCP"}],
                    }
                ],
            },
        ),
    ]
