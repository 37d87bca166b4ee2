"""The namespace, the settings of an installation, and the controller's Deployment."""

from pipelines.install.objects import CONTAINER_SECURITY, NAME, POD_SECURITY, Object, new_object
from pipelines.install.options import NAMESPACE, Options
from pipelines.templates.settings import MODELS_ROOT_VARIABLE, SETTINGS

CONTROLLER = "ome-controller"
PORT = 8080
"""Health (`/healthz`), readiness (`/readyz`) and metrics (`/metrics`) of the controller."""
POD_SECURITY_LEVEL = "pod-security.kubernetes.io/enforce"
MODELS_ROOT = "ome.io/models-root"
"""Annotation on its pods: a ConfigMap that changes starts no new pod, and this is what the controller reads of it."""


def namespace() -> Object:
    """The system namespace. Its pods mount the models of nodes, which only the widest level of Pod Security allows."""
    found = new_object("v1", "Namespace", NAMESPACE, "system", namespace="")
    found["metadata"]["labels"][POD_SECURITY_LEVEL] = "privileged"
    return found


def settings(options: Options) -> Object:
    """The ConfigMap that every step and the controller read their environment from."""
    data = {MODELS_ROOT_VARIABLE: options.models_root, **options.settings}
    return new_object("v1", "ConfigMap", SETTINGS, "settings", data=data)


def deployment(options: Options) -> Object:
    """The controller's Deployment. A new one starts beside the old one: who leads is decided by a Lease."""
    labels = {NAME: CONTROLLER}
    template_labels = {**labels, "app.kubernetes.io/part-of": "ome-pipelines"}
    return new_object(
        "apps/v1",
        "Deployment",
        CONTROLLER,
        "controller",
        spec={
            "replicas": options.replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {
                    "labels": template_labels,
                    "annotations": {
                        "prometheus.io/scrape": "true",
                        "prometheus.io/port": str(PORT),
                        MODELS_ROOT: options.models_root,
                    },
                },
                "spec": {
                    "serviceAccountName": CONTROLLER,
                    "securityContext": POD_SECURITY,
                    "terminationGracePeriodSeconds": 30,
                    "containers": [_container(options)],
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
                },
            },
        },
    )


def _container(options: Options) -> Object:
    models_root = {"configMapKeyRef": {"name": SETTINGS, "key": MODELS_ROOT_VARIABLE, "optional": True}}
    return {
        "name": "controller",
        "image": options.image(CONTROLLER),
        "imagePullPolicy": options.pull_policy,
        "command": ["python", "-m", "controller"],
        "env": [
            {"name": "OME_CONTROLLER_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "OME_CONTROLLER_MODELS_ROOT", "valueFrom": models_root},
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 20, "timeoutSeconds": 5},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 5},
        "resources": {kind: dict(amounts) for kind, amounts in options.resources.items()},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the only place it may write
    }
