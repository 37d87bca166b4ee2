"""What a person decides about an installation. Everything in this package is made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Literal

from pipelines.templates.settings import FROM_SETTINGS, MODELS_ROOT_VARIABLE
from steps.errors import InvalidInputError

NAMESPACE = "ome"
"""Where everything of ours runs. It is fixed: OME's documentation looks ConfigMaps up there."""

ARGO_VERSION = "v3.7.14"

Argo = Literal["existing", "bundled"]

SETTABLE = tuple(name for name in FROM_SETTINGS if name != MODELS_ROOT_VARIABLE)
"""Variables of every step that have no option of their own."""


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


@dataclass(frozen=True, slots=True)
class Given:
    """What a person says of an installation; "" and None leave it open.

    Attributes:
        registry: As in `Options`, and so are the others.
        tag: The same.
        argo: The same.
        argo_registry: The same.
        models_root: The same.
        settings: The same; a variable whose value is "" is taken away.
    """

    registry: str = ""
    tag: str = ""
    argo: Argo | None = None
    argo_registry: str = ""
    models_root: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def over(self, before: Options) -> Options:
        """The options of before with what is given here."""
        settings = {**before.settings, **self.settings}
        return replace(
            before,
            registry=self.registry or before.registry,
            tag=self.tag or before.tag,
            argo=self.argo or before.argo,
            argo_registry=self.argo_registry or before.argo_registry,
            models_root=self.models_root or before.models_root,
            settings={name: value for name, value in settings.items() if value},
        )


def given_options(
    *,
    registry: str = "",
    tag: str = "",
    argo: Argo | None = None,
    argo_registry: str = "",
    models_root: str = "",
    settings: Sequence[str] = (),
) -> Given:
    """Options as a person gives them.

    Raises:
        InvalidInputError: names the option, its value and what is accepted.
    """
    if models_root and not (models_root.startswith("/") and len(models_root) > 1 and ".." not in models_root):
        raise InvalidInputError(
            f'--models-root: "{models_root}" is not a folder of a node', remedy="Give an absolute path: /mnt/models."
        )
    return Given(
        registry=registry.rstrip("/"),
        tag=tag,
        argo=argo,
        argo_registry=argo_registry.rstrip("/"),
        models_root=models_root.rstrip("/"),
        settings=dict(map(_setting, settings)),
    )


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name == MODELS_ROOT_VARIABLE:
        raise InvalidInputError(f'--set: "{text}" has an option of its own', remedy="Give --models-root.")
    if not equals or name not in SETTABLE:
        accepted = ", ".join(SETTABLE)
        raise InvalidInputError(
            f'--set: "{text}" is not NAME=VALUE with a known name', remedy=f"Accepted: {accepted}."
        )
    return name, value
