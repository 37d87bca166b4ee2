"""One model for all nodes at once: their pods find each other and share what the source gives."""

import json
from pathlib import Path

from tests.cluster.cluster_hub import ClusterHub
from tests.cluster.kubectl import Kubectl
from tests.cluster.objects import POOL, model
from tests.cluster.test_models_come_to_nodes import is_ready_on
from tests.cluster.test_models_say_what_is_wrong import remove
from tests.cluster.waiting import wait_none, wait_until
from tests.cluster_steps.models import CONFIG
from tests.hub.faults import Fault
from tests.parsing.made_up_files import write_safetensors

WEIGHTS = "lfs/acme/shared/model.safetensors"


def test_nodes_of_one_import_give_its_bytes_to_each_other(
    installed: Kubectl, hub: ClusterHub, pool: list[str], tmp_path: Path
) -> None:
    kubectl, name = installed, "shared"
    weights = write_safetensors(tmp_path / "weights", {"model.embed_tokens.weight": ("BF16", (98304, 128))})
    size = weights.stat().st_size
    hub.add("acme/shared", {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": weights.read_bytes()})
    hub.clear()
    hub.set_faults(Fault("hold", path=WEIGHTS))
    kubectl("label", "node", *pool, f"{POOL}=yes")
    kubectl.apply(model(name, "hf://acme/shared"))

    def missing() -> list[str]:
        """What lacks until every node has begun: its pod, or the first line of its download."""
        runs = kubectl.list("workflow", "ome", f"ome.io/name={name}")
        if not runs:
            return ["run"]
        ours = f"ome.io/step=cache-model,workflows.argoproj.io/workflow={runs[0]['metadata']['name']}"
        pods = [p["metadata"]["name"] for p in kubectl.list("pod", "ome", ours) if p["status"]["phase"] == "Running"]
        silent = [pod for pod in pods if "downloading" not in kubectl("logs", "-n", "ome", pod, "-c", "main")]
        return silent + ["pod"] * (len(pool) - len(pods))

    wait_none(missing)
    hub.set_faults()
    wait_until(kubectl, "clusterbasemodel", name, is_ready_on(*pool), what="ready everywhere")
    sent = hub.counts().bytes[WEIGHTS]
    (run,) = kubectl.list("workflow", "ome", f"ome.io/name={name}")
    steps = [
        n for n in run["status"]["nodes"].values() if n["displayName"].startswith("cache(") and n["type"] == "Pod"
    ]
    received = [_output(step, "received_bytes") for step in steps]
    print(f"{len(pool)} nodes: {sent / size:.2f} models from the source, {sum(received) / size:.2f} from each other")
    assert sent < 1.5 * size
    assert sum(received) > (len(pool) - 1.5) * size
    remove(kubectl, "clusterbasemodel", name)


def _output(step: dict[str, object], name: str) -> int:
    outputs: dict[str, list[dict[str, str]]] = step["outputs"]  # type: ignore[assignment]  # of a step that did well
    return int(next(each["value"] for each in outputs["parameters"] if each["name"] == name))
