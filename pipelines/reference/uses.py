"""How people run each pipeline: an example's arguments, the same on one machine, and the resource that asks for it.

What a template cannot say of itself. `tests/docs` holds the arguments to the templates and the commands to `ome`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_URI = "hf://HuggingFaceTB/SmolLM2-135M-Instruct-GGUF"
_MODEL = "smollm2-135m-instruct"
_ENDPOINT = f'{{"url": "http://smollm2.default.svc.cluster.local:8080", "modelName": "{_MODEL}"}}'


@dataclass(frozen=True, slots=True)
class Use:
    """How a pipeline is run.

    Attributes:
        resource: The resource for which the controller runs it, as a sentence.
        command: The same on one machine; "" where there is none.
        arguments: Of an example on a cluster.
        notes: What else there is to know, a sentence or two.
    """

    resource: str
    command: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""


USES: Mapping[str, Use] = {
    "onboard-model": Use(
        resource="A model, an InferenceService and a BenchmarkJob come to the same, each by its own pipeline: "
        "[examples/05-all-in-any-order.yaml](../examples/05-all-in-any-order.yaml).",
        command=f"ome onboard {_URI} --name {_MODEL} --service smollm2",
        arguments={"uri": _URI, "name": _MODEL, "service": "smollm2"},
        notes="It refuses what cannot run here before its bytes are fetched. The model and the service that it makes "
        "are resources; the controller adopts the run as theirs.",
    ),
    "import-model": Use(
        resource="A ClusterBaseModel or a BaseModel: [examples/01-model.yaml](../examples/01-model.yaml). The "
        "controller runs it for the nodes that lack the model, and again when a node comes.",
        command=f"ome import {_URI} --name {_MODEL}",
        arguments={"uri": _URI, "name": _MODEL, "nodes": '["node-1", "node-2"]'},
        notes="Nodes that fail do not hold up the others, and a second run fetches only what is missing.",
    ),
    "parse-model": Use(
        resource="None: the import of a model parses it too.",
        command=f"ome parse {_URI}",
        arguments={"uri": _URI},
        notes="No weights are downloaded.",
    ),
    "check-fit": Use(
        resource="A model with the annotation `ome.io/fit: enforce`, or one that only InferenceServices with it name: "
        "the controller runs it before the import, and again when what a runtime is chosen from changes.",
        arguments={"uri": _URI, "name": _MODEL},
        notes="It ends with the exit code 17 where nothing here runs the model, with the numbers, and no weights are "
        "fetched. A model of that name need not be there; if it is, its nodes are those that count.",
    ),
    "select-runtime": Use(
        resource="None: the deployment of an InferenceService selects too; see its `status.selection`.",
        command=f"ome runtimes explain {_MODEL}",
        arguments={"model": _MODEL},
        notes="Its output has every runtime with a verdict and the reasons for it.",
    ),
    "deploy-model": Use(
        resource="An InferenceService: [examples/02-service.yaml](../examples/02-service.yaml). The controller runs "
        "it once the model is ready, and again when the spec or the model's files change.",
        command=f"ome deploy {_MODEL} --service smollm2",
        arguments={"model": _MODEL, "service": "smollm2"},
    ),
    "benchmark-endpoint": Use(
        resource="A BenchmarkJob, once ([examples/03-benchmark.yaml](../examples/03-benchmark.yaml)) or by a schedule "
        "([examples/04-scheduled-benchmark.yaml](../examples/04-scheduled-benchmark.yaml)).",
        command="ome benchmark smollm2 --scenario 'D(64,16)' --concurrency 1 --concurrency 2",
        arguments={
            "name": "smollm2-by-hand",
            "endpoint": _ENDPOINT,
            "model": _MODEL,
            "model_label": f"models.ome.io/clusterbasemodel.{_MODEL}",
        },
        notes="Two benchmarks of one name never run at the same time: they would measure each other.",
    ),
    "read-claim": Use(
        resource="A ClusterBaseModel or a BaseModel with the URI `pvc://[namespace:]claim/path`. The controller runs "
        "it once, and again when the annotation `ome.io/retry` changes.",
        arguments={"uri": "pvc://team:weights/models/smollm2", "name": _MODEL},
        notes="Nothing is copied. The pod that mounts the claim runs in the claim's namespace, without a token and "
        "without rights, and is deleted at the end.",
    ),
    "check-revision": Use(
        resource="A model whose URI names what may move: the controller runs it once a day, and when the annotation "
        "`ome.io/refresh` changes. What follows is `spec.storage.revisionPolicy`'s to say.",
        arguments={"uri": _URI},
        notes="A run by hand only shows what the source says: its outputs are the revision and the manifest's digest.",
    ),
    "evict-model": Use(
        resource="Deleting a model, or taking the label off a node that the model was for: the controller runs it.",
        command=f"ome delete model {_MODEL}",
        arguments={"name": _MODEL, "nodes": '["node-1"]'},
        notes="Name the nodes: an empty name is any one node. A model whose resource stays comes back to its nodes.",
    ),
    "audit-cache": Use(
        resource="A CronWorkflow that runs it every week: "
        "[examples/schedules/weekly-audit.yaml](../examples/schedules/weekly-audit.yaml).",
        command="ome cache verify --repair",
        arguments={"nodes": '["node-1"]'},
        notes="A node at a time reads all its models once: choose a quiet hour. Files that no import made are named "
        "and never touched. It fails where something stays damaged, with the reason, and the other nodes go on.",
    ),
}
"""By pipeline."""
