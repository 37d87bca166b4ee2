"""What a person decides about an installation. Everything in this package is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Literal

NAMESPACE = "ome"
"""Where everything of ours runs. It is fixed: OME's documentation looks ConfigMaps up there."""

ARGO_VERSION = "v3.7.14"

Argo = Literal["existing", "bundled"]


@dataclass(frozen=True, slots=True)
class Options:
    """An installation.

    Attributes:
        registry: What goes before our images' names.
        tag: Tag of our images.
        pull_policy: When nodes pull our images.
        models_root: The folder on nodes that holds models.
        replicas: Controllers; one of them leads, the others stand by.
        argo: Whether Argo Workflows comes with it, or is there already.
        argo_registry: What goes before the names of Argo's images.
        settings: Environment variables of every step, such as HF_ENDPOINT and HTTPS_PROXY.
        resources: Requests and limits of the controller.
    """

    registry: str = "ghcr.io/ome-pipelines"
    tag: str = version("ome-pipelines")
    pull_policy: str = "IfNotPresent"
    models_root: str = "/mnt/models"
    replicas: int = 1
    argo: Argo = "existing"
    argo_registry: str = "quay.io/argoproj"
    settings: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, str]] = field(
        default_factory=lambda: {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    )

    def image(self, name: str) -> str:
        """The whole reference of one of our images."""
        return f"{self.registry}/{name}:{self.tag}"

    def argo_image(self, name: str) -> str:
        """The whole reference of one of Argo's images."""
        return f"{self.argo_registry}/{name}:{ARGO_VERSION}"
