"""Argo Workflows 3.7.14 for the system namespace alone: the option for clusters that have none.

Definitions, rights and Deployments are written here from what Argo's programs ask of a cluster, without the parts that
only other uses need. It watches the namespace `ome` only, so that another Argo on the same cluster goes on beside it
as long as that one leaves this namespace alone (docs/cluster.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from crds.yaml_text import yaml_text
from pipelines.install.accounts import RBAC, Rule
from pipelines.install.objects import CONTAINER_SECURITY, NAME, POD_SECURITY, Object, new_object
from pipelines.install.options import NAMESPACE, Options

GROUP = "argoproj.io"
CONTROLLER = "workflow-controller"
SERVER = "argo-server"
SETTINGS = "workflow-controller-configmap"
_COMPONENT = "argo"
_READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Definition:
    """One of Argo's kinds.

    Attributes:
        kind: Its name.
        plural: As in URLs.
        short_names: For kubectl.
        fields: Top-level fields beside metadata; what they hold is Argo's to check.
        columns: Name, type and path of what `kubectl get` shows.
        is_namespaced: Whether each object belongs to a namespace.
        has_status: Whether status is a subresource.
    """

    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ("spec", "status")
    columns: tuple[tuple[str, str, str], ...] = ()
    is_namespaced: bool = True
    has_status: bool = False


DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "Workflow",
        "workflows",
        ("wf",),
        columns=(
            ("Status", "string", ".status.phase"),
            ("Age", "date", ".status.startedAt"),
            ("Message", "string", ".status.message"),
        ),
    ),
    Definition("WorkflowTemplate", "workflowtemplates", ("wftmpl",), fields=("spec",)),
    Definition("ClusterWorkflowTemplate", "clusterworkflowtemplates", ("clusterwftmpl", "cwft"), ("spec",), (), False),
    Definition("CronWorkflow", "cronworkflows", ("cwf", "cronwf")),
    Definition("WorkflowTaskSet", "workflowtasksets", ("wfts",), has_status=True),
    Definition("WorkflowTaskResult", "workflowtaskresults", fields=("message", "outputs", "phase", "progress")),
    Definition("WorkflowArtifactGCTask", "workflowartifactgctasks", ("wfat",), has_status=True),
    Definition("WorkflowEventBinding", "workfloweventbindings", ("wfeb",), fields=("spec",)),
)

_TEXT_FIELDS = ("message", "phase", "progress")

_CONTROLLER_RULES = (
    Rule("", ("pods",), (*_READ, "create", "update", "patch", "delete")),
    Rule("", ("pods/exec",), ("create",)),
    Rule("", ("configmaps",), (*_READ, "create", "update", "delete")),
    Rule("", ("secrets",), ("get",)),
    Rule("", ("serviceaccounts",), ("get", "list")),
    Rule("", ("persistentvolumeclaims", "persistentvolumeclaims/finalizers"), ("get", "create", "update", "delete")),
    Rule("", ("events",), ("create", "patch")),
    Rule("policy", ("poddisruptionbudgets",), ("get", "create", "delete")),
    Rule(GROUP, ("workflows", "workflows/finalizers"), (*_READ, "create", "update", "patch", "delete")),
    Rule(GROUP, ("cronworkflows", "cronworkflows/finalizers"), (*_READ, "update", "patch", "delete")),
    Rule(GROUP, ("workflowtemplates", "workflowtemplates/finalizers"), _READ),
    Rule(
        GROUP,
        ("workflowtasksets", "workflowtasksets/finalizers", "workflowtasksets/status", "workflowartifactgctasks"),
        (*_READ, "create", "update", "patch", "delete"),
    ),
    Rule(GROUP, ("workflowtaskresults",), ("list", "watch", "deletecollection")),
    Rule("coordination.k8s.io", ("leases",), ("get", "create", "update")),
)  # fmt: skip

_SERVER_RULES = (  # with auth mode "client" it acts with the rights of whoever is signed in
    Rule("", ("configmaps", "serviceaccounts", "events"), _READ),
    Rule("", ("secrets",), ("get", "create")),
    Rule(GROUP, ("workflows", "workflowtemplates", "cronworkflows", "workfloweventbindings"), _READ),
)


def definitions() -> list[Object]:
    """Argo's kinds."""
    return [_definition(each) for each in DEFINITIONS]


def argo_objects(options: Options) -> list[Object]:
    """Argo's controller and its server, with the rights and settings of each."""
    return [
        *_access(CONTROLLER, _CONTROLLER_RULES),
        *_access(SERVER, _SERVER_RULES),
        new_object("v1", "ConfigMap", SETTINGS, _COMPONENT, data=_settings()),
        _deployment(CONTROLLER, _controller_container(options)),
        _deployment(SERVER, _server_container(options)),
        new_object(
            "v1",
            "Service",
            SERVER,
            _COMPONENT,
            spec={"selector": {NAME: SERVER}, "ports": [{"name": "web", "port": 2746, "targetPort": "web"}]},
        ),
    ]


def _settings() -> dict[str, str]:
    """The controller's own settings. It does not start with a key that it does not know."""
    values: dict[str, object] = {
        "executor": {
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
            # Bytes of a download are told every few seconds, and not once a minute.
            "env": [{"name": "ARGO_PROGRESS_PATCH_TICK_DURATION", "value": "5s"}],
        },
        "metricsConfig": {"enabled": True, "secure": False},
        "nodeEvents": {"enabled": False},
        "columns": [
            {"name": "Pipeline", "type": "label", "key": "ome.io/pipeline"},
            {"name": "Resource", "type": "label", "key": "ome.io/name"},
        ],
    }
    return {key: yaml_text([value]) for key, value in values.items()}


def _definition(each: Definition) -> Object:
    opaque = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    fields = {name: {"type": "string"} if name in _TEXT_FIELDS else opaque for name in each.fields}
    version: Object = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "required": ["metadata", "spec"] if "spec" in each.fields else ["metadata"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                    **fields,
                },
            }
        },
    }
    if each.columns:
        version["additionalPrinterColumns"] = [
            {"name": name, "type": type_, "jsonPath": path} for name, type_, path in each.columns
        ]
    if each.has_status:
        version["subresources"] = {"status": {}}
    names: Object = {
        "kind": each.kind,
        "listKind": f"{each.kind}List",
        "plural": each.plural,
        "singular": each.kind.lower(),
    }
    if each.short_names:
        names["shortNames"] = list(each.short_names)
    return new_object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        f"{each.plural}.{GROUP}",
        _COMPONENT,
        namespace="",
        spec={
            "group": GROUP,
            "scope": "Namespaced" if each.is_namespaced else "Cluster",
            "names": names,
            "versions": [version],
        },
    )


def _access(name: str, rules: tuple[Rule, ...]) -> Iterator[Object]:
    yield new_object("v1", "ServiceAccount", name, _COMPONENT)
    yield new_object(f"{RBAC}/v1", "Role", name, _COMPONENT, rules=[rule.as_object() for rule in rules])
    yield new_object(
        f"{RBAC}/v1",
        "RoleBinding",
        name,
        _COMPONENT,
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
    )


def _deployment(name: str, container: Object) -> Object:
    labels = {NAME: name}
    return new_object(
        "apps/v1",
        "Deployment",
        name,
        _COMPONENT,
        spec={
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": {**labels, "app.kubernetes.io/part-of": "ome-pipelines"}},
                "spec": {
                    "serviceAccountName": name,
                    "securityContext": POD_SECURITY,
                    "containers": [container],
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
                },
            },
        },
    )


def _controller_container(options: Options) -> Object:
    return {
        "name": CONTROLLER,
        "image": options.argo_image(CONTROLLER),
        "imagePullPolicy": options.pull_policy,
        "command": [CONTROLLER],
        "args": [
            "--namespaced",
            f"--executor-image={options.argo_image('argoexec')}",
            f"--executor-image-pull-policy={options.pull_policy}",
            "--qps=50",
            "--burst=75",
        ],
        "env": [
            {"name": "LEADER_ELECTION_IDENTITY", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            # After each event of a pod a workflow waits this long for its turn; Argo's own ten seconds are for
            # clusters with tens of thousands of workflows, and would be most of the time of short steps.
            {"name": "DEFAULT_REQUEUE_TIME", "value": "1s"},
        ],
        "ports": [{"name": "metrics", "containerPort": 9090}, {"name": "health", "containerPort": 6060}],
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "health"},
            "initialDelaySeconds": 60,
            "periodSeconds": 60,
            "timeoutSeconds": 30,
        },
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }


def _server_container(options: Options) -> Object:
    return {
        "name": SERVER,
        "image": options.argo_image("argocli"),
        "imagePullPolicy": options.pull_policy,
        "command": ["argo"],
        "args": ["server", "--namespaced", "--auth-mode=client"],
        "ports": [{"name": "web", "containerPort": 2746}],
        "readinessProbe": {
            "httpGet": {"path": "/", "port": "web", "scheme": "HTTPS"},
            "periodSeconds": 20,
            "timeoutSeconds": 5,
        },
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
