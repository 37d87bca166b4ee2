"""What can be refused from an object alone is refused by the API server: field, value and what is accepted.

The table of `tests/crds` is the list: where the API server does not say the same as `crds.load`, its words are here,
and what it cannot refuse is named as the controller's, which says it in a condition.
"""

import re

import pytest

from controller.plans import plan_model, plan_service
from crds.load import load
from crds.problems import InvalidResourceError
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.controller.plans.cluster import Cluster, merged
from tests.controller.plans.objects import condition
from tests.crds.bad_objects import BAD
from tests.crds.samples import benchmark, document, model, runtime, service

WEIGHTS = "accepted: weights that ascend to 100"
TEXTS = "in body must be of type string"

FOR_THE_CONTROLLER = (
    "spec.modelConfiguration: ",  # JSON in text; a value that may be text or an object has no type, and no rules
    'metadata.annotations["ome.io/',  # rules see no annotations
)
"""Beginnings of what `crds.load` says of objects that the API server admits."""

PLANNERS = {
    "BaseModel": (plan_model, "Ready"), "ClusterBaseModel": (plan_model, "Ready"),
    "InferenceService": (plan_service, "SpecValid"),
}  # fmt: skip
"""Who says it instead, and in which condition."""

SAID_DIFFERENTLY = {
    'spec.storage.storageUri: "hf://" has': 'spec.storage.storageUri: "hf://" is not a storage URI; accepted: '
    "hf://org/name[@revision]",
    'spec.storage.downloadPolicy: "ReuseIfExist"': 'spec.storage.downloadPolicy: Unsupported value: "ReuseIfExist":'
    ' supported values: "AlwaysDownload", "ReuseIfExists"',
    'spec.storage.revisionPolicy: "Always"': 'spec.storage.revisionPolicy: Unsupported value: "Always":'
    ' supported values: "IfNotPresent", "OnChange"',
    "spec.storage: is missing": "spec.storage: Required value",
    "spec.modelFormat.version: 1.0": f'spec.modelFormat.version: spec.modelFormat.version {TEXTS}: "number"',
    'spec.maxTokens: "8192"': 'spec.maxTokens: spec.maxTokens in body must be of type integer: "string"',
    'spec.disabled: "yes"': 'spec.disabled: spec.disabled in body must be of type boolean: "string"',
    'spec.storage: "hf://a/b"': 'spec.storage: spec.storage in body must be of type object: "string"',
    "spec.displayName: true": f'spec.displayName: spec.displayName {TEXTS}: "boolean"',
    "spec.baseModelRef: is": "spec.baseModelRef: Required value\nspec.hyperParameters: Required value",
    "spec.supportedModelFormats[0].priority": "spec.supportedModelFormats[0].priority:"
    " spec.supportedModelFormats[0].priority in body should be greater than or equal to 1",
    "spec.supportedModelFormats[0].modelFormat.operator": "spec.supportedModelFormats[0].modelFormat.operator:"
    ' Unsupported value: "GreaterOrEqual": supported values: "Equal", "GreaterThan", "GreaterThanOrEqual"',
    "spec.supportedModelFormats: an": "spec.supportedModelFormats: spec.supportedModelFormats in body must be of type"
    ' array: "object"',
    'spec.capabilities.memoryGB: "80 Gi"': "spec.capabilities.memoryGB: spec.capabilities.memoryGB in body should"
    r" match '^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$'",
    "spec.capabilities.computeCapability: 9.0": "spec.capabilities.computeCapability:"
    f' spec.capabilities.computeCapability {TEXTS}: "number"',
    "spec.capabilities: is missing": "spec.capabilities: Required value",
    "spec.engine.minReplicas: -1": "spec.engine.minReplicas: spec.engine.minReplicas in body should be greater than or"
    " equal to 0",
    "spec.engine.canaryTrafficPercent: 101": "spec.engine.canaryTrafficPercent: spec.engine.canaryTrafficPercent in"
    " body should be less than or equal to 100",
    'spec.engine.maxUnavailable: "110%"': "spec.engine.maxUnavailable: spec.engine.maxUnavailable in body should match"
    " '^([0-9]{1,2}|100)%$'",
    'spec.engine.scaleMetric: "gpu"': 'spec.engine.scaleMetric: Unsupported value: "gpu": supported values: "cpu",'
    ' "memory", "concurrency", "rps"',
    'metadata.name: "1st"': 'metadata.name: "1st" is not a valid name of an InferenceService; accepted: lower-case'
    " letters, digits and '-', starting with a letter, not ending with '-', at most 56, or 55 with a decoder",
    **{
        f'spec.kedaConfig.promServerAddress: "{url}"': f'spec.kedaConfig.promServerAddress: "{url}" is not an http://'
        " or https:// URL with a host; accepted: a URL such as http://host:8080"
        for url in ("prometheus:9090", "http://:9090", "http://h:99999")
    },
    "spec.rollout.steps[1].weight: 10 does not come after 50": "spec.rollout.steps: the weights [50, 10, 100] do not"
    f" ascend; {WEIGHTS}",
    "spec.rollout.steps[1].weight: 10 does not come after 10": "spec.rollout.steps: the weights [10, 10, 100] do not"
    f" ascend; {WEIGHTS}",
    "spec.rollout.steps[1].weight: 50 is": f"spec.rollout.steps: no step has the weight 100; {WEIGHTS}",
    "spec.rollout.steps[1].weight: 101": "spec.rollout.steps[1].weight: spec.rollout.steps[1].weight in body should be"
    f" less than or equal to 100\nspec.rollout.steps: no step has the weight 100; {WEIGHTS}",
    "spec.rollout.steps: no step": f"spec.rollout.steps: no step has the weight 100; {WEIGHTS}",
    "spec.rollout.steps[0]: is an": f"spec.rollout.steps: no step has the weight 100; {WEIGHTS}\n"
    "spec.rollout.steps[0]: is an empty step; accepted: at least one of weight, pause and benchmark",
    'spec.endpoint.endpoint.url: "h:80"': 'spec.endpoint.endpoint.url: "h:80" is not an http:// or https:// URL with a'
    " host; accepted: a URL such as http://host:8080",
    'spec.task: "text-to-embedding"': 'spec.task: Unsupported value: "text-to-embedding": supported values:'
    ' "text-to-text", "image-to-text", "text-to-embeddings", "image-to-embeddings", "text-to-rerank", "text-to-image",'
    ' "text-to-speech", "image-text-to-text"',
    'spec.trafficScenarios[1]: "E(128)"': 'spec.trafficScenarios: "E(128)" is no scenario of the task text-to-text;'
    " accepted: D(input,output), N(mean,deviation)/(mean,deviation), U(max_input,max_output) or U(min,max)/(min,max),"
    " dataset",
    'spec.trafficScenarios[0]: "E(128,1)"': 'spec.trafficScenarios[0]: "E(128,1)" is not a traffic scenario; accepted:'
    " D(input,output), N(mean,deviation)/(mean,deviation), U(max_input,max_output) or U(min,max)/(min,max), E(tokens),"
    " R(document,query), I(width,height[,images]), A(characters), dataset",
    'spec.trafficScenarios[1]: "D(1,1)"': 'spec.trafficScenarios[1]: Duplicate value: "D(1,1)"',
    "spec.numConcurrency[1]: 4": "spec.numConcurrency[1]: Duplicate value: 4",
    "spec.numConcurrency[1]: 0": "spec.numConcurrency[1]: spec.numConcurrency[1] in body should be greater than or"
    " equal to 1",
    "spec.maxTimePerIteration: 0": "spec.maxTimePerIteration: spec.maxTimePerIteration in body should be greater than"
    " or equal to 1",
    "spec.additionalRequestParams.temperature: 0.5": "spec.additionalRequestParams.temperature:"
    f' spec.additionalRequestParams.temperature {TEXTS}: "number"',
    "spec.additionalRequestParams.temperature: ": 'spec.additionalRequestParams: temperature "hot" is not a'
    ' temperature; accepted: a number from 0, as text: "0.7"',
    "spec.additionalRequestParams.ignore_eos: ": 'spec.additionalRequestParams: ignore_eos "yes" is neither true nor'
    ' false; accepted: "true" or "false", as text',
    'spec.schedule: "0 25 * * *"': 'spec.schedule: "0 25 * * *" is not a schedule; accepted: five fields "minute hour'
    ' day-of-month month day-of-week" such as "0 3 * * MON", @yearly, @annually, @monthly, @weekly, @daily,'
    ' @midnight, @hourly, or "@every 6h"',
    "spec.timeZone: is given": 'spec.timeZone: "Europe/Berlin" is given without a schedule; accepted: timeZone beside'
    " schedule",
    "spec.thresholds.ttft: 0": "spec.thresholds.ttft: spec.thresholds.ttft in body should be greater than 0",
    "spec.thresholds.tpot: -5.5": "spec.thresholds.tpot: spec.thresholds.tpot in body should be greater than 0",
    "spec.thresholds.maxErrorRate: 1.5": "spec.thresholds.maxErrorRate: spec.thresholds.maxErrorRate in body should be"
    " less than or equal to 1",
    "spec.historyLimit: -1": "spec.historyLimit: spec.historyLimit in body should be greater than or equal to 0",
    "metadata.labels.v": 'ClusterBaseModel in version "v1beta1" cannot be handled as a ClusterBaseModel: json: cannot'
    " unmarshal number into Go struct field ObjectMeta.labels of type string",
    "apiVersion": "404 page not found",
    "spec: a list": 'spec: spec in body must be of type object: "array"',
}
"""By the beginning of what `crds.load` says: all that the API server finds, a line each."""

KUBERNETES_OWN = (
    "metadata: is missing",
    "metadata.name: is missing",
    'metadata.name: "Llama_3"',
    'metadata.name: "aa',
)
"""Refused in Kubernetes' own words for any object."""


def _refusal(server: ApiServer, bad: Object) -> str:
    """All that the API server finds wrong: `field: message`, a line each, without the value it may tell."""
    with pytest.raises(ApiRefusedError) as refused:
        server.admin.create(bad)
    assert refused.value.status in (400, 404, 422)
    lines = []
    for field, message in refused.value.causes:
        if "some validation rules were not checked" not in message:
            said = re.sub(r'^(Required value: |Invalid value: ("([^"\\]|\\.)*"|[\d.-]+): )', "", message)
            lines.append(f"{field}: {said}")
    return "\n".join(lines) or refused.value.message.strip()


def _told_by_planner(item: Object) -> str:
    planner, told = PLANNERS[item["kind"]]
    namespace = "" if item["kind"] == "ClusterBaseModel" else "team"
    cluster = Cluster()
    cluster.add(merged(item, {"metadata": {"namespace": namespace}}) if namespace else item)
    key = (item["kind"], namespace, item["metadata"]["name"])
    cluster.settle(planner, *key)
    found = condition(cluster.get(*key), told)
    assert (found["status"], found["reason"]) == ("False", "InvalidSpec")
    return str(found["message"])


def _beginning(message: str, beginnings: object) -> str:
    return next((each for each in beginnings if message.startswith(each)), "")  # type: ignore[attr-defined]  # iterable


@pytest.mark.parametrize(("bad", "message"), BAD, ids=[message.partition(";")[0] for _, message in BAD])
def test_the_api_server_refuses_what_loading_refuses(ome_api_server: ApiServer, bad: Object, message: str) -> None:
    if _beginning(message, FOR_THE_CONTROLLER):
        ome_api_server.admin.create(bad)
        ome_api_server.admin.delete(bad)
        if bad["kind"] in PLANNERS:
            assert _told_by_planner(bad).startswith(message)
    elif _beginning(message, KUBERNETES_OWN):
        assert "name" in _refusal(ome_api_server, bad)
    else:
        assert _refusal(ome_api_server, bad) == SAID_DIFFERENTLY.get(_beginning(message, SAID_DIFFERENTLY), message)


def test_each_line_of_the_table_is_used() -> None:
    for beginning in (*SAID_DIFFERENTLY, *FOR_THE_CONTROLLER, *KUBERNETES_OWN):
        assert any(message.startswith(beginning) for _, message in BAD), beginning


OCI = (
    "oci://n/<namespace>/b/<bucket>/o/<prefix>, oci://<namespace>@<region>/<bucket>/<prefix> or"
    " oci://<bucket>/<prefix>; of artifacts oci://<host>[:<port>]/<repository>:<tag>"
)
AZURE = "az://<account>/<container>/<prefix> or az://<account>.blob.core.windows.net/<container>/<prefix>"
GITHUB = "github://<owner>/<repository>[@<tag>]"
URIS = [
    ("hf://a/b/c", "hf://org/name[@revision]"),
    ("hf://a/b--c", "hf://org/name[@revision]"),
    ("hf://a/b@", "hf://org/name[@revision]"),
    ("hf://a/b@x/../y", "hf://org/name[@revision]"),
    ("hf://a/b@..", "hf://org/name[@revision]"),
    ("oci://n/ns", OCI),
    ("oci://n/ns/b/bucket/p/x", OCI),
    ("oci://ns@EU/bucket", OCI),
    ("oci://host:5000/model", OCI),
    ("oci://host:99999/model:v1", OCI),
    ("s3://", "s3://<bucket>[@<region>]/<prefix>"),
    ("s3://bucket@/x", "s3://<bucket>[@<region>]/<prefix>"),
    ("gs:///x", "gs://<bucket>/<prefix>"),
    ("az://ab/container/x", AZURE),
    ("az://account", AZURE),
    ("pvc://claim", "pvc://[<namespace>:]<claim>/<path in the volume>"),
    ("pvc://:claim/x", "pvc://[<namespace>:]<claim>/<path in the volume>"),
    ("pvc://claim/a/../..", "pvc://[<namespace>:]<claim>/<path in the volume>"),
    ("local://models", "local:///absolute/path or local://./relative/path"),
    ("vendor://v/t/", "vendor://<vendor>/<type>/<path>"),
    ("github://owner/..", GITHUB),
    ("github://owner/name@", GITHUB),
]


@pytest.mark.parametrize(("uri", "grammar"), URIS)
def test_a_uri_is_refused_with_its_schemes_grammar(ome_api_server: ApiServer, uri: str, grammar: str) -> None:
    with pytest.raises(InvalidResourceError):
        load(model(storageUri=uri))
    expected = f'spec.storage.storageUri: "{uri}" is not a storage URI; accepted: {grammar}'
    assert _refusal(ome_api_server, model(storageUri=uri)) == expected


MORE = [
    (
        model(storageUri="file:///a"),
        'spec.storage.storageUri: "file:///a" has an unknown scheme; accepted: hf://, oci://, s3://, gs://, az://,'
        " pvc://, local://, vendor://, github://",
    ),
    (
        model(storageUri="x-shelf://"),
        'spec.storage.storageUri: "x-shelf://" has nothing after the scheme; accepted: x-<name>://<what its source'
        " reads>",
    ),
    (
        model(storageUri="s3://bucket/a\tb"),
        'spec.storage.storageUri: "s3://bucket/a\tb" has a control character, or a blank at its start or end;'
        " accepted: a URI without them",
    ),
    (model(storageUri=""), "spec.storage.storageUri: is missing; accepted: a storage URI such as hf://org/name"),
    (
        model(key="a", storageKey="b"),
        'spec.storage.storageKey: "b" conflicts with key "a"; accepted: one of key and storageKey, which mean the'
        " same",
    ),
    (
        model(parameters={"auth": "a", "auth_type": "b"}),
        'spec.storage.parameters: auth_type "b" conflicts with parameters.auth "a"; accepted: one of parameters.auth'
        " and parameters.auth_type, which mean the same",
    ),
    (
        model(storageUri="hf://a/b@v1", parameters={"revision": "v2"}),
        'spec.storage.parameters: "hf://a/b@v1" conflicts with the revision "v2"; accepted: one of the two, or the'
        " same in both",
    ),
    (
        model(parameters={"revision": "a b"}),
        'spec.storage.parameters: the revision "a b" is no branch, tag or commit; accepted: hf://org/name[@revision]',
    ),
    (
        model(allowPatterns=["*"] * 257),
        "spec.storage.allowPatterns: Too many: 257: must have at most 256 items",
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "minReadyNodes": 0}),
        "spec.minReadyNodes: spec.minReadyNodes in body should be greater than or equal to 1",
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "distribution": "p2p"}),
        'spec.distribution: Unsupported value: "p2p": supported values: "auto", "direct", "swarm"',
    ),
    (
        runtime(engineConfig={"worker": {"size": 1}}),
        "spec.engineConfig.leader: is missing, and worker is given; accepted: leader and worker together, or neither",
    ),
    (
        service(model={"name": "Llama_3"}),
        "spec.model.name: \"Llama_3\" is not a valid name; accepted: lower-case letters, digits, '-' and '.', at most"
        " 253, each part starting and ending with a letter or digit",
    ),
    (
        benchmark(trafficScenarios=["U(5,1)/(1,1)"]),
        'spec.trafficScenarios[0]: "U(5,1)/(1,1)" has a minimum above its maximum, or a maximum of 0; accepted:'
        " U(max_input,max_output) or U(min,max)/(min,max)",
    ),
    (
        service(
            rollout={
                "strategy": "Canary",
                "steps": [{"weight": 100, "benchmark": {"trafficScenarios": ["E(1)"]}}],
            }
        ),
        'spec.rollout.steps[0].benchmark.trafficScenarios[0]: "E(1)" is no scenario of the task text-to-text;'
        " accepted: D(input,output), N(mean,deviation)/(mean,deviation), U(max_input,max_output) or"
        " U(min,max)/(min,max), dataset",
    ),
    (
        benchmark(schedule="daily"),
        'spec.schedule: "daily" is not a schedule; accepted: five fields "minute hour day-of-month month day-of-week"'
        ' such as "0 3 * * MON", @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, or "@every 6h"',
    ),
]


@pytest.mark.parametrize(("bad", "message"), MORE, ids=[message.partition(";")[0] for _, message in MORE])
def test_more_is_refused_by_both(ome_api_server: ApiServer, bad: Object, message: str) -> None:
    with pytest.raises(InvalidResourceError):
        load(bad)
    assert _refusal(ome_api_server, bad) == message


def test_a_password_in_a_uri_is_not_told(ome_api_server: ApiServer) -> None:
    refusal = _refusal(ome_api_server, model(storageUri="s3://user:s3cr3t@host/x"))
    assert "s3cr3t" not in refusal
    assert "has a user and a password in it; name a Secret instead" in refusal


def test_a_long_value_is_cut(ome_api_server: ApiServer) -> None:
    refusal = _refusal(ome_api_server, model(path="x" * 4000))
    assert refusal.startswith(f'spec.storage.path: "{"x" * 118}\u2026 is not absolute; accepted: ')
