"""What a person decides about an installation. Everything in this package is made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Literal

from pipelines.templates.settings import FROM_SETTINGS
from steps.errors import InvalidInputError

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


def chosen_options(
    *,
    registry: str = "",
    tag: str = "",
    argo: Argo = "existing",
    argo_registry: str = "",
    models_root: str = "",
    settings: Sequence[str] = (),
) -> Options:
    """Options as a person gives them; "" leaves the default.

    Raises:
        InvalidInputError: names the option, its value and what is accepted.
    """
    if models_root and not (models_root.startswith("/") and len(models_root) > 1 and ".." not in models_root):
        raise InvalidInputError(
            f'--models-root: "{models_root}" is not a folder of a node', remedy="Give an absolute path: /mnt/models."
        )
    plain = Options()
    return replace(
        plain,
        registry=registry.rstrip("/") or plain.registry,
        tag=tag or plain.tag,
        argo=argo,
        argo_registry=argo_registry.rstrip("/") or plain.argo_registry,
        models_root=models_root.rstrip("/") or plain.models_root,
        settings=dict(map(_setting, settings)),
    )


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in FROM_SETTINGS:
        accepted = ", ".join(FROM_SETTINGS)
        raise InvalidInputError(
            f'--set: "{text}" is not NAME=VALUE with a known name', remedy=f"Accepted: {accepted}."
        )
    return name, value
