"""What `ome doctor` looks at: everything that it asks of the cluster, read once, so that the checks are pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crds.kinds import KINDS
from crds.labels import NODE_STATUS
from pipelines.install.bundle import bundle
from pipelines.install.connection import RESOURCE_TYPES, InstallApi, Object
from pipelines.install.controller import CONTROLLER
from pipelines.install.objects import title_of
from pipelines.install.options import NAMESPACE, Options
from pipelines.templates.settings import SETTINGS
from steps.errors import AuthError, NotFoundError

LEASE = CONTROLLER

NEEDED: tuple[tuple[str, str, str, str], ...] = (
    ("create", "", "namespaces", ""),
    ("patch", "apiextensions.k8s.io", "customresourcedefinitions", ""),
    ("patch", "rbac.authorization.k8s.io", "clusterroles", ""),
    ("patch", "apps", "deployments", NAMESPACE),
    ("patch", "argoproj.io", "workflowtemplates", NAMESPACE),
)
"""What `ome install` needs of the person who runs it: verb, group, resource, namespace."""

COMPARED = ("access", "settings", "peers", "argo")
"""Parts of an installation whose objects are compared with those on the cluster; Deployments are looked at apart."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The cluster at one moment. A kind that may not be read, or is not there, is an empty list.

    Attributes:
        server: URL of the API server.
        version: Its version.
        now: When it was read.
        refused: What this user may not do of `NEEDED`, in words.
        unreadable: Kinds that this user may not read.
        definitions: By name.
        deployments: Of every namespace.
        pods: Of the system namespace.
        templates: WorkflowTemplates there.
        workflows: Workflows there.
        objects: Those of the compared parts that are there, by kind and name.
        settings: The ConfigMap of settings, or None.
        lease: The controllers' Lease, or None.
        namespace: The system namespace, or None.
        nodes: All.
        node_status: ConfigMaps that say which models a node holds.
        resources: Objects of the eight kinds.
    """

    server: str
    version: str
    now: datetime
    refused: Sequence[str] = ()
    unreadable: Sequence[str] = ()
    definitions: Mapping[str, Object] = field(default_factory=dict)
    deployments: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    templates: Sequence[Object] = ()
    workflows: Sequence[Object] = ()
    objects: Mapping[str, Object] = field(default_factory=dict)
    settings: Object | None = None
    lease: Object | None = None
    namespace: Object | None = None
    nodes: Sequence[Object] = ()
    node_status: Sequence[Object] = ()
    resources: Sequence[Object] = ()


class _Reader:
    def __init__(self, api: InstallApi) -> None:
        self._api = api
        self.unreadable: list[str] = []

    def all(self, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        try:
            return list(self._api.list(RESOURCE_TYPES[kind], namespace, labels=labels))
        except NotFoundError:
            return []
        except AuthError:
            self._refuse(kind)
            return []

    def one(self, kind: str, name: str) -> Object | None:
        if kind in self.unreadable:
            return None
        try:
            return self._api.find(RESOURCE_TYPES[kind], name, NAMESPACE)
        except AuthError:
            self._refuse(kind)
            return None

    def _refuse(self, kind: str) -> None:
        if kind not in self.unreadable:
            self.unreadable.append(kind)


def take(api: InstallApi) -> Snapshot:
    """Read the cluster.

    Raises:
        OmeError: when the API server does not answer or does not know this user.
    """
    version = api.server_version()
    read = _Reader(api)
    definitions = {each["metadata"]["name"]: each for each in read.all("CustomResourceDefinition")}
    return Snapshot(
        server=api.server,
        version=version,
        now=datetime.now(UTC),
        refused=[_words(each) for each in NEEDED if not api.may(*each)],
        definitions=definitions,
        deployments=read.all("Deployment"),
        pods=read.all("Pod", NAMESPACE),
        templates=read.all("WorkflowTemplate", NAMESPACE),
        workflows=read.all("Workflow", NAMESPACE),
        objects=_objects(read),
        settings=read.one("ConfigMap", SETTINGS),
        lease=read.one("Lease", LEASE),
        namespace=read.one("Namespace", NAMESPACE),
        nodes=read.all("Node"),
        node_status=read.all("ConfigMap", NAMESPACE, f"{NODE_STATUS}=true"),
        resources=[each for kind in KINDS for each in read.all(kind)],
        unreadable=read.unreadable,
    )


def compared(options: Options) -> list[tuple[str, list[Object]]]:
    """The objects of each compared part of an installation; their names are the same with any options."""
    parts = [part for part in bundle(options) if part.file in COMPARED]
    return [(part.file, [each for each in part.objects if each["kind"] != "Deployment"]) for part in parts]


def _objects(read: _Reader) -> dict[str, Object]:
    made = [each for _, objects in compared(Options(argo="bundled")) for each in objects]
    there = {title_of(each): read.one(each["kind"], each["metadata"]["name"]) for each in made}
    return {title: found for title, found in there.items() if found is not None}


def _words(needed: tuple[str, str, str, str]) -> str:
    verb, group, resource, namespace = needed
    named = f"{resource}.{group}" if group else resource
    return f"{verb} {named}" + (f" in {namespace}" if namespace else "")
