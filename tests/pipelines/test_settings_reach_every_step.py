"""What can be set of imports on one machine can be set on a cluster: its steps have it from the installation."""

import re
from pathlib import Path

import steps
from pipelines.export import templates
from pipelines.install.options import SETTABLE
from pipelines.templates.settings import SETTINGS

_FOLDERS = [Path(steps.__file__).parent / name for name in ("cache", "sources", "swarm")]
_NOT_SETTINGS = {
    "OME_MODELS_ROOT": "`ome install --models-root` says it",
    "OME_PEERS": "each pod is told its own",
    "OME_PEER_ADDRESS": "each pod is told its own",
    "OME_BACKOFF_SECONDS": "tests wait less by it",
    "OME_REGISTRY_ENDPOINT": "spec.storage.parameters.endpoint says it of a model; a registry is no setting for all",
}


def test_every_variable_that_imports_read_can_be_set_on_a_cluster() -> None:
    texts = [path.read_text() for folder in _FOLDERS for path in folder.rglob("*.py")]
    read = {name for text in texts for name in re.findall(r'"(OME_[A-Z_]+)"', text)}
    assert read - _NOT_SETTINGS.keys() <= set(SETTABLE)
    assert {"OME_DISK_RESERVE", "OME_OCI_URI"} <= read


def test_every_step_has_every_setting_and_needs_none() -> None:
    scripts = [t["script"] for t in templates()["ome-steps"]["spec"]["templates"] if "script" in t]
    assert scripts
    for script in scripts:
        given = {each["name"]: each.get("valueFrom", {}).get("configMapKeyRef") for each in script["env"]}
        for name in SETTABLE:
            assert given.get(name) == {"name": SETTINGS, "key": name, "optional": True}
