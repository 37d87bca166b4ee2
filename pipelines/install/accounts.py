"""Who may do what: one service account for the controller and one for each kind of step, each with the calls it makes.

`tests/install` replays recorded calls against these rules on a real API server; a verb that no test uses goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.install.objects import Object, new_object
from pipelines.install.options import NAMESPACE

RBAC = "rbac.authorization.k8s.io"
COMPONENT = "access"
_READ = ("get", "list")
_WATCH = ("list", "watch")
_APPLY = (*_READ, "create", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources of one API group ("" is the core group)."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def as_object(self) -> Object:
        """The rule as a Role holds it."""
        return {"apiGroups": [self.group], "resources": list(self.resources), "verbs": list(self.verbs)}


@dataclass(frozen=True, slots=True)
class Account:
    """A service account of the system namespace.

    Attributes:
        name: Its name.
        why: What it is for; an annotation on its roles.
        cluster: What it may do in every namespace, and with cluster-scoped kinds.
        system: What it may do in the system namespace.
    """

    name: str
    why: str
    cluster: tuple[Rule, ...] = ()
    system: tuple[Rule, ...] = ()


_OUTPUTS = Rule("argoproj.io", ("workflowtaskresults",), ("create", "patch"))
"""How Argo's executor, beside each step, hands outputs over."""

_FACTS = Rule("", ("configmaps",), ("get", "create", "patch", "delete"))
"""Manifests and facts. None is deleted: where the API server has OwnerReferencesPermissionEnforcement, as OpenShift's
has, only who may delete an object adds an owner to it, and two runs with the same files own what they store."""

_MODELS = ("basemodels", "clusterbasemodels")
_MADE = ("inferenceservices", "benchmarkjobs", "acceleratorclasses")

CONTROLLER = Account(
    "ome-controller",
    "Watches resources, submits workflows, writes status, node labels and the ConfigMaps of nodes.",
    cluster=(
        Rule("ome.io", (*_MODELS, "inferenceservices", "benchmarkjobs"), (*_WATCH, "patch")),
        Rule("ome.io", tuple(f"{kind}/status" for kind in (*_MODELS, *_MADE, "finetunedweights")), ("patch",)),
        Rule(
            "ome.io", ("servingruntimes", "clusterservingruntimes", "acceleratorclasses", "finetunedweights"), _WATCH
        ),
        Rule("", ("nodes",), (*_WATCH, "patch")),
        Rule("", ("pods",), _WATCH),
        Rule("apps", ("deployments",), _WATCH),
        Rule("", ("services",), _WATCH),  # of these three the metadata only: whether what was deployed is there
        Rule("autoscaling", ("horizontalpodautoscalers",), _WATCH),
        Rule("policy", ("poddisruptionbudgets",), _WATCH),
        Rule("", ("events",), ("create", "patch")),
    ),
    system=(
        Rule("argoproj.io", ("workflows", "cronworkflows"), (*_WATCH, "create", "patch", "delete")),
        Rule("", ("configmaps",), (*_WATCH, "create", "patch", "delete")),
        Rule("", ("secrets",), (*_WATCH, "create", "patch", "delete")),  # copies of tenants' tokens, for import runs
        Rule("coordination.k8s.io", ("leases",), ("get", "create", "update")),
    ),
)

STEPS: tuple[Account, ...] = (
    Account(
        "ome-import",
        "Resolves, parses and publishes models.",
        cluster=(Rule("ome.io", _MODELS, ("get", "create", "update")),),
        system=(
            _OUTPUTS,
            _FACTS,
            Rule("argoproj.io", ("workflows",), ("get",)),  # whether the controller submitted this run
        ),
    ),
    Account(
        "ome-cache",
        "Caches models on nodes, audits and evicts them; its pods mount the models root of a node.",
        cluster=(
            Rule("ome.io", _MODELS, ("get", "list")),
            Rule("ome.io", ("finetunedweights", "inferenceservices"), ("list",)),  # what is in use is not removed
            Rule("", ("nodes",), ("list",)),  # which have models: an audit goes to these
        ),
        system=(
            _OUTPUTS,
            Rule("", ("configmaps",), ("get",)),
            Rule("argoproj.io", ("workflows",), ("get",)),  # which model a run belongs to
        ),
    ),
    Account(
        "ome-claim",
        "Reads models in claims: makes a pod in the claim's namespace that mounts it, and deletes that pod.",
        cluster=(
            Rule("", ("pods",), ("get", "create", "delete")),
            Rule("ome.io", _MODELS, ("get",)),  # the model owns the pod, so that none outlives it
            Rule("", ("events",), ("list",)),  # why a volume cannot be mounted is said nowhere else
        ),
        system=(_OUTPUTS, _FACTS),
    ),
    Account(
        "ome-deploy",
        "Selects runtimes and deploys services into the namespaces of tenants.",
        cluster=(
            Rule("ome.io", (*_MODELS, "clusterservingruntimes", "servingruntimes", "acceleratorclasses"), _READ),
            Rule("ome.io", ("inferenceservices",), ("get", "create")),
            Rule("", ("nodes", "events"), ("list",)),
            Rule("", ("pods",), (*_READ, "watch")),  # a router's role has the same, and only its holder may give it
            Rule("", ("services", "serviceaccounts"), _APPLY),
            Rule(RBAC, ("roles", "rolebindings"), _APPLY),
            Rule("apps", ("deployments",), _APPLY),
            Rule("autoscaling", ("horizontalpodautoscalers",), _APPLY),
            Rule("policy", ("poddisruptionbudgets",), _APPLY),
        ),
        system=(_OUTPUTS, Rule("", ("configmaps",), ("get",))),
    ),
    Account(
        "ome-measure",
        "Asks and benchmarks endpoints.",
        cluster=(Rule("ome.io", _MODELS, ("get",)),),
        system=(_OUTPUTS, Rule("", ("configmaps",), ("get", "create", "patch"))),
    ),
    Account(
        "ome-upload",
        "Uploads reports of benchmarks to object stores.",
        system=(_OUTPUTS, Rule("", ("configmaps",), ("get",))),  # the report, as the benchmark left it
    ),
)

ACCOUNTS: tuple[Account, ...] = (CONTROLLER, *STEPS)


def access_objects(accounts: tuple[Account, ...] = ACCOUNTS) -> list[Object]:
    """Service accounts, roles and their bindings."""
    return [found for account in accounts for found in _of(account)]


def _of(account: Account) -> Iterator[Object]:
    subject = {"kind": "ServiceAccount", "name": account.name, "namespace": NAMESPACE}
    yield new_object("v1", "ServiceAccount", account.name, COMPONENT)
    for prefix, namespace, rules in (("Cluster", "", account.cluster), ("", NAMESPACE, account.system)):
        if not rules:
            continue
        role = new_object(
            f"{RBAC}/v1",
            f"{prefix}Role",
            account.name,
            COMPONENT,
            namespace=namespace,
            rules=[rule.as_object() for rule in rules],
        )
        role["metadata"]["annotations"] = {"kubernetes.io/description": account.why}
        yield role
        yield new_object(
            f"{RBAC}/v1",
            f"{prefix}RoleBinding",
            account.name,
            COMPONENT,
            namespace=namespace,
            roleRef={"apiGroup": RBAC, "kind": f"{prefix}Role", "name": account.name},
            subjects=[subject],
        )
