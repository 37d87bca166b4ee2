"""What every workflow template has in common: image, labels, security, retention. The rules are in spec and tests."""

import os
from importlib.metadata import version

from hera.workflows import models
from hera.workflows.models import (
    Capabilities,
    PodGC,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    TTLStrategy,
)

from crds.labels import PART_OF, PRODUCT

IMAGE_VARIABLE = "OME_STEP_IMAGE"
BENCHMARK_IMAGE_VARIABLE = "OME_BENCHMARK_IMAGE"
MODELS_ROOT_VARIABLE = "OME_MODELS_ROOT"
MODELS_ROOT = "/mnt/models"
SERVICE_ACCOUNT = "ome-import"
"""Of a pod whose step names none; each step template names its own (docs/decisions/008-state-on-a-cluster.md)."""
SETTINGS = "ome-settings"
"""The ConfigMap of an installation: mirrors, proxies, the models root."""
STEPS_TEMPLATE = "ome-steps"
VERSION = version("ome-pipelines")
LABELS = {PART_OF: PRODUCT, "app.kubernetes.io/version": VERSION}
TITLE = "workflows.argoproj.io/title"
DESCRIPTION = "workflows.argoproj.io/description"
USER = 65532  # the number that images call "nonroot"
FROM_SETTINGS = (
    "HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "OME_KEEP_REVISIONS",
    "OME_DISK_RESERVE", "OME_DOWNLOAD_LIMIT", "OME_UPLOAD_LIMIT", "OME_CONNECTIONS", "OME_STALL_SECONDS",
    "OME_TRANSFER_ATTEMPTS", "OME_RATE_LIMIT_SECONDS", "OME_OCI_URI", MODELS_ROOT_VARIABLE,
)  # fmt: skip
"""Variables of every step that an installation may set."""

TTL = TTLStrategy(seconds_after_success=7 * 86400, seconds_after_failure=30 * 86400)
POD_GC = PodGC(strategy="OnWorkflowSuccess", delete_delay_duration="60s")  # failed pods stay, for their logs

SECCOMP = SeccompProfile(type="RuntimeDefault")
POD_SECURITY = PodSecurityContext(run_as_non_root=True, run_as_user=USER, run_as_group=USER, seccomp_profile=SECCOMP)
# The models root on a node belongs to root, who here has no capability and no other place to write.
NODE_SECURITY = PodSecurityContext(run_as_user=0, run_as_group=0, seccomp_profile=SECCOMP)
CONTAINER_SECURITY = SecurityContext(
    allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=Capabilities(drop=["ALL"])
)
SCRATCH = models.Volume(name="tmp", empty_dir=models.EmptyDirVolumeSource())
SCRATCH_MOUNT = models.VolumeMount(name="tmp", mount_path="/tmp")  # noqa: S108 - the only place a step may write
ACCELERATOR_TOLERATIONS = tuple(
    models.Toleration(key=key, operator="Exists", effect="NoSchedule")
    for key in ("nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi")
)
"""Nodes with accelerators often repel pods that use none; the models are wanted there all the same."""


def step_image() -> str:
    """The image of all steps, by tag or (for a release) by digest, from `OME_STEP_IMAGE` when templates are made."""
    return os.environ.get(IMAGE_VARIABLE) or f"ome-steps:{VERSION}"


def benchmark_image() -> str:
    """The image of the step that needs genai-bench, from `OME_BENCHMARK_IMAGE`."""
    return os.environ.get(BENCHMARK_IMAGE_VARIABLE) or f"ome-benchmark:{VERSION}"


def models_root() -> str:
    """The folder of nodes that holds models, from `OME_MODELS_ROOT`."""
    return os.environ.get(MODELS_ROOT_VARIABLE) or MODELS_ROOT
