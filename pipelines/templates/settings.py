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

IMAGE_VARIABLE = "OME_STEP_IMAGE"
SERVICE_ACCOUNT = "ome-workflow"
STEPS_TEMPLATE = "ome-steps"
VERSION = version("ome-pipelines")
LABELS = {"app.kubernetes.io/part-of": "ome-pipelines", "app.kubernetes.io/version": VERSION}
TITLE = "workflows.argoproj.io/title"
DESCRIPTION = "workflows.argoproj.io/description"
USER = 65532  # the number that images call "nonroot"

TTL = TTLStrategy(seconds_after_success=7 * 86400, seconds_after_failure=30 * 86400)
POD_GC = PodGC(strategy="OnWorkflowSuccess", delete_delay_duration="60s")  # failed pods stay, for their logs

POD_SECURITY = PodSecurityContext(
    run_as_non_root=True, run_as_user=USER, run_as_group=USER, seccomp_profile=SeccompProfile(type="RuntimeDefault")
)
CONTAINER_SECURITY = SecurityContext(
    allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=Capabilities(drop=["ALL"])
)
SCRATCH = models.Volume(name="tmp", empty_dir=models.EmptyDirVolumeSource())
SCRATCH_MOUNT = models.VolumeMount(name="tmp", mount_path="/tmp")  # noqa: S108 - the only place a step may write


def step_image() -> str:
    """The image of all steps, by tag or (for a release) by digest, from `OME_STEP_IMAGE` when templates are made."""
    return os.environ.get(IMAGE_VARIABLE) or f"ome-steps:{VERSION}"
