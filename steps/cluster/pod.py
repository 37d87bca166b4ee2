"""What a step's pod knows of itself, from the environment that the step templates set. Imports nothing of a client.

Called by everything that has one way on a cluster and another on one machine.
"""

import os
from pathlib import Path
from typing import Any, Final

HOME: Final = Path("/tmp/ome-home")  # noqa: S108 - /tmp is the pod's own, and the only place it may write
MODELS_ROOT: Final = "/mnt/models"

Object = dict[str, Any]


def system_namespace() -> str:
    """The namespace that steps run in and keep their ConfigMaps in; "" on one machine."""
    return os.environ.get("OME_CLUSTER_NAMESPACE", "")


def is_on_cluster() -> bool:
    """Whether this step runs in a pod of a cluster."""
    return bool(system_namespace())


def node_name() -> str:
    """The node that this pod runs on; "" on one machine."""
    return os.environ.get("OME_NODE", "")


def models_root_on_nodes() -> str:
    """The folder of nodes that holds models: `OME_MODELS_ROOT`, by default /mnt/models."""
    return os.environ.get("OME_MODELS_ROOT") or MODELS_ROOT


def workflow_name() -> str:
    """The workflow that this step is part of; "" when it is part of none."""
    return os.environ.get("OME_WORKFLOW", "")


def owner_references() -> list[Object]:
    """Makes what this step creates go with its workflow; empty when there is no workflow."""
    name, uid = workflow_name(), os.environ.get("OME_WORKFLOW_UID", "")
    if not name or not uid:
        return []
    return [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": name, "uid": uid}]


def use_writable_places() -> None:
    """Point every library at places that may be written: a pod's root file system is read-only, its home often none.

    Changes the environment of this process, which children inherit. Does nothing on one machine.
    """
    if not is_on_cluster():
        return
    home = Path(os.environ.setdefault("OME_HOME", str(HOME)))
    os.environ["HOME"] = str(home)
    for name, folder in (("XDG_CACHE_HOME", "cache"), ("HF_HOME", "hub"), ("MPLCONFIGDIR", "cache/matplotlib")):
        os.environ.setdefault(name, str(home / folder))
    home.mkdir(parents=True, exist_ok=True)
