"""Everything of an installation, in the order in which it is applied."""

from dataclasses import dataclass

from crds.definition import definitions
from pipelines.install import argo, controller
from pipelines.install.accounts import access_objects
from pipelines.install.objects import Object
from pipelines.install.options import Options
from pipelines.install.peers import peer_objects
from pipelines.install.workflow_templates import workflow_templates


@dataclass(frozen=True, slots=True)
class Part:
    """Objects that are applied together.

    Attributes:
        name: What it is, for a person.
        file: Name of its file in the folders for kustomize and Helm, without a suffix.
        objects: In order.
    """

    name: str
    file: str
    objects: tuple[Object, ...]


def bundle(options: Options) -> list[Part]:
    """The parts of an installation: what others need comes first."""
    parts = [
        Part("namespace", "namespace", (controller.namespace(),)),
        Part("definitions of ome.io", "definitions", tuple(definitions())),
    ]
    if options.argo == "bundled":
        parts.append(Part("definitions of Argo", "argo-definitions", tuple(argo.definitions())))
    parts += [
        Part("accounts and their rights", "access", tuple(access_objects())),
        Part("settings", "settings", (controller.settings(options),)),
        Part("the way between nodes", "peers", tuple(peer_objects())),
    ]
    if options.argo == "bundled":
        parts.append(Part("Argo Workflows", "argo", tuple(argo.argo_objects(options))))
    return [
        *parts,
        Part("workflow templates", "workflow-templates", tuple(workflow_templates(options))),
        Part("controller", "controller", (controller.deployment(options),)),
    ]
