"""Objects that are refused, with the message that each must get: field, value, and what is accepted."""

from tests.crds.samples import Document, accelerator, benchmark, document, model, runtime, service

GRAMMAR_HF = "accepted: hf://org/name[@revision]"
WEIGHTS = "accepted: weights that ascend to 100"


def _canary(*weights: int) -> Document:
    return service(rollout={"strategy": "Canary", "steps": [{"weight": weight} for weight in weights]})


BAD = [
    # Models and their storage.
    (model(storageUri="hf://"), f'spec.storage.storageUri: "hf://" has no repository name; {GRAMMAR_HF}'),
    (
        model(storageUri="meta-llama/Llama-3.1-8B"),
        'spec.storage.storageUri: "meta-llama/Llama-3.1-8B" has no scheme; did you mean'
        ' "hf://meta-llama/Llama-3.1-8B"?; accepted: hf://, oci://, s3://, gs://, az://, pvc://, local://, vendor://,'
        " github://",
    ),
    (
        model(path="models/llama"),
        'spec.storage.path: "models/llama" is not absolute; accepted: an absolute path without "..", such as'
        " /mnt/models/llama",
    ),
    (
        model(path="/mnt/../etc"),
        'spec.storage.path: "/mnt/../etc" has ".." in it; accepted: an absolute path without "..", such as'
        " /mnt/models/llama",
    ),
    (
        model(downloadPolicy="ReuseIfExist"),
        'spec.storage.downloadPolicy: "ReuseIfExist" is not known; did you mean "ReuseIfExists"?;'
        " accepted: AlwaysDownload, ReuseIfExists",
    ),
    (
        model(revisionPolicy="Always"),
        'spec.storage.revisionPolicy: "Always" is not known; accepted: IfNotPresent, OnChange',
    ),
    (
        model(parameters={"manifestDigest": "sha256:c0ffee"}),
        'spec.storage.parameters: manifestDigest "sha256:c0ffee" is no digest of a manifest; accepted: 64 hexadecimal'
        " digits, with or without sha256: before them",
    ),
    (
        model(allowPatterns=["*.json", " "]),
        'spec.storage.allowPatterns[1]: " " is empty; accepted: a file pattern such as "*.safetensors"',
    ),
    (
        model(parameters={"signature": "model.sig"}),
        'spec.storage.parameters: signature is "model.sig", and nothing says whose it must be; accepted:'
        " parameters.signedBy too, or neither",
    ),
    (
        model(parameters={"signedBy": "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"}),
        "spec.storage.parameters: signedBy holds a private key, which must not be here; accepted: a public key or"
        " certificates in PEM, from -----BEGIN to the last END-----",
    ),
    (
        document("BaseModel", {"storage": {"path": "/a"}}),
        "spec.storage.storageUri: is missing; accepted: a storage URI such as hf://org/name",
    ),
    (document("BaseModel", {}), "spec.storage: is missing"),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "modelFormat": {"name": "x", "version": 1.0}}),
        'spec.modelFormat.version: 1.0 is not text; accepted: text: "1.0" in quotes',
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "maxTokens": "8192"}),
        'spec.maxTokens: "8192" is not a whole number; accepted: a whole number',
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "disabled": "yes"}),
        'spec.disabled: "yes" is not true or false; accepted: true or false',
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "modelConfiguration": "{"}),
        'spec.modelConfiguration: "{" is not JSON: Expecting property name enclosed in double quotes: line 1 column 2'
        " (char 1); accepted: an object, or a JSON object as text",
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "modelConfiguration": "[1]"}),
        'spec.modelConfiguration: "[1]" is JSON, but not an object; accepted: an object, or a JSON object as text',
    ),
    (
        document("BaseModel", {"storage": "hf://a/b"}),
        'spec.storage: "hf://a/b" is not an object; accepted: an object',
    ),
    (
        document("BaseModel", {"storage": {"storageUri": "hf://a/b"}, "displayName": True}),
        'spec.displayName: true is not text; accepted: text: "true" in quotes',
    ),
    # Adapters.
    (
        document("FineTunedWeight", {"modelType": "LoRA", "storage": {"storageUri": "hf://a/b"}}),
        "spec.baseModelRef: is missing\nspec.hyperParameters: is missing",
    ),
    # Runtimes.
    (
        runtime(modelSizeRange={"min": "9B", "max": "500M"}),
        'spec.modelSizeRange.min: min "9B" is more than max "500M"; accepted: min up to max; either may be absent',
    ),
    (
        runtime(modelSizeRange={"max": "seven"}),
        'spec.modelSizeRange.max: "seven" is not a model size; accepted: a number of parameters with K, M, B or T,'
        ' such as "7B", "0.5B" or "134.52M"',
    ),
    (
        runtime(engineConfig={"leader": {}}),
        "spec.engineConfig.worker: is missing, and leader is given; accepted: leader and worker together, or neither",
    ),
    (
        runtime(engineConfig={"leader": {}, "worker": {"size": 0}}),
        "spec.engineConfig.worker.size: 0 is no worker; accepted: a number above 0",
    ),
    (
        runtime(supportedModelFormats=[{"modelFormat": {"name": "x"}, "priority": 0}]),
        "spec.supportedModelFormats[0].priority: 0 is below 1; accepted: 1 and above",
    ),
    (
        runtime(supportedModelFormats=[{"modelFormat": {"name": "x", "operator": "GreaterOrEqual"}}]),
        'spec.supportedModelFormats[0].modelFormat.operator: "GreaterOrEqual" is not known; did you mean'
        ' "GreaterThanOrEqual"?; accepted: Equal, GreaterThan, GreaterThanOrEqual',
    ),
    (runtime(supportedModelFormats={}), "spec.supportedModelFormats: an object is not a list; accepted: a list"),
    # Accelerators.
    (
        accelerator(memoryGB="80 Gi"),
        'spec.capabilities.memoryGB: "80 Gi" is not a quantity; accepted: a Kubernetes quantity: a number with an'
        ' optional suffix, such as "80Gi", "500m", "1e3", "2.5" or 4',
    ),
    (
        accelerator(computeCapability=9.0),
        'spec.capabilities.computeCapability: 9.0 is not text; accepted: text: "9.0" in quotes',
    ),
    (document("AcceleratorClass", {"discovery": {}}), "spec.capabilities: is missing"),
    # Services.
    (
        service(engine={"minReplicas": 3, "maxReplicas": 2}),
        "spec.engine.minReplicas: minReplicas 3 is more than maxReplicas 2; accepted: minReplicas up to maxReplicas;"
        " either may be absent",
    ),
    (service(engine={"minReplicas": -1}), "spec.engine.minReplicas: -1 is below 0; accepted: 0 and above"),
    (
        service(engine={"canaryTrafficPercent": 101}),
        "spec.engine.canaryTrafficPercent: 101 is above 100; accepted: up to 100",
    ),
    (
        service(engine={"maxUnavailable": "110%"}),
        'spec.engine.maxUnavailable: "110%" is neither a number nor a share; accepted: 0 and above, or "0%" to "100%"',
    ),
    (
        service(engine={"maxUnavailable": 1, "minAvailable": 1}),
        "spec.engine.maxUnavailable: is given beside minAvailable; accepted: one of minAvailable and maxUnavailable",
    ),
    (
        service(engine={"scaleMetric": "gpu"}),
        'spec.engine.scaleMetric: "gpu" is not known; accepted: cpu, memory, concurrency, rps',
    ),
    (service(decoder={}), "spec.decoder: is given without an engine; accepted: decoder beside engine"),
    (
        document("InferenceService", {"engine": {"runner": {"args": []}}}),
        "spec.model: is missing; accepted: a model's name, or an engine whose runner (or leader and worker runners)"
        " has an image",
    ),
    (
        document("InferenceService", {"engine": {"leader": {"runner": {"image": "x"}}, "worker": {"runner": {}}}}),
        "spec.model: is missing; accepted: a model's name, or an engine whose runner (or leader and worker runners)"
        " has an image",
    ),
    (
        document("InferenceService", {"model": {"name": "m"}}, name="1st"),
        'metadata.name: "1st" is not a valid name of an InferenceService; accepted: lower-case letters, digits and'
        " '-', starting with a letter, not ending with '-', at most 56",
    ),
    (
        document("InferenceService", {"model": {"name": "m"}}, annotations={"ome.io/deploymentMode": "Raw"}),
        'metadata.annotations["ome.io/deploymentMode"]: "Raw" is not known; accepted: RawDeployment, MultiNode,'
        " PDDisaggregated, Serverless, MultiNodeRayVLLM, VirtualDeployment",
    ),
    (
        document(
            "InferenceService", {"model": {"name": "m"}}, annotations={"ome.io/targetUtilizationPercentage": "101"}
        ),
        'metadata.annotations["ome.io/targetUtilizationPercentage"]: "101" is not a percentage; accepted: a whole'
        " number from 1 to 100",
    ),
    (
        service(acceleratorSelector={"constraints": {"minMemory": 80, "maxMemory": 40}}),
        "spec.acceleratorSelector.constraints.minMemory: minMemory 80 is more than maxMemory 40; accepted: minMemory"
        " up to maxMemory; either may be absent",
    ),
    (
        service(kedaConfig={"promServerAddress": "prometheus:9090"}),
        'spec.kedaConfig.promServerAddress: "prometheus:9090" is neither http:// nor https://; accepted: a URL such as'
        " http://host:8080",
    ),
    (
        service(kedaConfig={"promServerAddress": "http://:9090"}),
        'spec.kedaConfig.promServerAddress: "http://:9090" has no host; accepted: a URL such as http://host:8080',
    ),
    (
        service(kedaConfig={"promServerAddress": "http://h:99999"}),
        'spec.kedaConfig.promServerAddress: "http://h:99999" is not a URL: Port out of range 0-65535; accepted: a URL'
        " such as http://host:8080",
    ),
    (
        service(kedaConfig={"scalingThreshold": "ten"}),
        'spec.kedaConfig.scalingThreshold: "ten" is not a number; accepted: a number as text, such as "10"',
    ),
    (_canary(50, 10, 100), f"spec.rollout.steps[1].weight: 10 does not come after 50; {WEIGHTS}"),
    (_canary(10, 10, 100), f"spec.rollout.steps[1].weight: 10 does not come after 10; {WEIGHTS}"),
    (_canary(10, 50), f"spec.rollout.steps[1].weight: 50 is the last weight; {WEIGHTS}"),
    (_canary(10, 101), "spec.rollout.steps[1].weight: 101 is above 100; accepted: up to 100"),
    (
        service(rollout={"strategy": "Canary", "steps": [{"pause": "10m"}]}),
        f"spec.rollout.steps: no step has a weight; {WEIGHTS}",
    ),
    (
        service(rollout={"strategy": "Canary"}),
        "spec.rollout.steps: are missing; accepted: steps whose weights ascend to 100",
    ),
    (
        service(rollout={"strategy": "BlueGreen", "steps": [{"weight": 100}]}),
        "spec.rollout.steps: are given for the strategy BlueGreen; accepted: steps with the strategy Canary",
    ),
    (
        service(rollout={"strategy": "Canary", "steps": [{"weight": 100, "pause": "soon"}]}),
        'spec.rollout.steps[0].pause: "soon" is not a pause; accepted: a duration such as "30m" or "1h30m", or'
        ' "approval"',
    ),
    (
        service(rollout={"strategy": "Canary", "steps": [{}]}),
        "spec.rollout.steps[0]: is an empty step; accepted: at least one of weight, pause and benchmark",
    ),
    # Benchmarks.
    (
        benchmark(endpoint={}),
        "spec.endpoint: has no endpoint; accepted: exactly one of inferenceService and endpoint",
    ),
    (
        benchmark(
            endpoint={"inferenceService": {"name": "s"}, "endpoint": {"url": "http://h", "apiFormat": "openai"}}
        ),
        "spec.endpoint: inferenceService and endpoint are both given; accepted: exactly one of inferenceService and"
        " endpoint",
    ),
    (
        benchmark(endpoint={"endpoint": {"url": "h:80", "apiFormat": "openai"}}),
        'spec.endpoint.endpoint.url: "h:80" is neither http:// nor https://; accepted: a URL such as http://host:8080',
    ),
    (
        benchmark(task="text-to-embedding"),
        'spec.task: "text-to-embedding" is not a task; did you mean "text-to-embeddings"?; accepted: text-to-text,'
        " image-to-text, text-to-embeddings, image-to-embeddings, text-to-rerank, text-to-image, text-to-speech,"
        " image-text-to-text",
    ),
    (
        benchmark(trafficScenarios=["D(1,1)", "E(128)"]),
        'spec.trafficScenarios[1]: "E(128)" is no scenario of the task text-to-text; accepted: D(input,output),'
        " N(mean,deviation)/(mean,deviation), U(max_input,max_output) or U(min,max)/(min,max), dataset for"
        " text-to-text",
    ),
    (
        benchmark(task="text-to-embeddings", trafficScenarios=["E(128,1)"]),
        'spec.trafficScenarios[0]: "E(128,1)" has the wrong number of values; accepted: E(tokens)',
    ),
    (
        benchmark(trafficScenarios=["D(1,1)", "D(1,1)"]),
        'spec.trafficScenarios[1]: "D(1,1)" is there twice; accepted: each value once',
    ),
    (benchmark(numConcurrency=[1, 0]), "spec.numConcurrency[1]: 0 is below 1; accepted: 1 and above"),
    (benchmark(numConcurrency=[4, 4]), "spec.numConcurrency[1]: 4 is there twice; accepted: each value once"),
    (benchmark(maxTimePerIteration=0), "spec.maxTimePerIteration: 0 is below 1; accepted: 1 and above"),
    (
        benchmark(outputLocation={"storageUri": "hf://a/b"}),
        'spec.outputLocation.storageUri: "hf://a/b" cannot keep results; accepted: oci://, s3://, gs://, az://, pvc://,'
        " local://, github://",
    ),
    (
        benchmark(outputLocation={}),
        "spec.outputLocation.storageUri: is missing; accepted: a storage URI such as hf://org/name",
    ),
    (
        benchmark(resultFolderName="../up"),
        'spec.resultFolderName: "../up" is not a folder\'s name; accepted: a name without slashes',
    ),
    (
        benchmark(additionalRequestParams={"temperature": "hot"}),
        'spec.additionalRequestParams.temperature: "hot" is not a temperature; accepted: a number from 0, as text:'
        ' "0.7"',
    ),
    (
        benchmark(additionalRequestParams={"ignore_eos": "yes"}),
        'spec.additionalRequestParams.ignore_eos: "yes" is neither true nor false; accepted: "true" or "false", as'
        " text",
    ),
    (
        benchmark(additionalRequestParams={"temperature": 0.5}),
        'spec.additionalRequestParams.temperature: 0.5 is not text; accepted: text: "0.5" in quotes',
    ),
    (
        benchmark(schedule="0 25 * * *"),
        'spec.schedule: "0 25 * * *" has "25" as hour; accepted: for the hour: 0 to 23, "*", ranges "a-b", lists "a,b"'
        ' and steps "*/n"',
    ),
    (
        benchmark(timeZone="Europe/Berlin"),
        "spec.timeZone: is given without a schedule; accepted: timeZone beside schedule",
    ),
    (benchmark(thresholds={"ttft": 0}), "spec.thresholds.ttft: 0 is not above 0; accepted: above 0"),
    (benchmark(thresholds={"tpot": -5.5}), "spec.thresholds.tpot: -5.5 is not above 0; accepted: above 0"),
    (
        benchmark(thresholds={"maxErrorRate": 1.5}),
        "spec.thresholds.maxErrorRate: 1.5 is above 1; accepted: up to 1",
    ),
    (benchmark(historyLimit=-1), "spec.historyLimit: -1 is below 0; accepted: 0 and above"),
    (
        benchmark(baseline={"run": "r", "results": [{"scenario": "D(1,1)", "concurrency": 1}]}),
        "spec.baseline: run and results are both given; accepted: one of run and results, or neither",
    ),
    # Any object.
    (
        {"apiVersion": "ome.io/v1beta1", "kind": "BaseModel", "spec": {"storage": {"storageUri": "hf://a/b"}}},
        "metadata: is missing",
    ),
    (
        model() | {"metadata": {}},
        "metadata.name: is missing; accepted: a name, unique among its kind",
    ),
    (
        model() | {"metadata": {"name": "Llama_3"}},
        "metadata.name: \"Llama_3\" is not a valid name; accepted: lower-case letters, digits, '-' and '.', at most"
        " 253, each part starting and ending with a letter or digit",
    ),
    (
        model() | {"metadata": {"name": "a", "labels": {"v": 1}}},
        'metadata.labels.v: 1 is not text; accepted: text: "1" in quotes',
    ),
    (
        model() | {"metadata": {"name": "a" * 254}},
        f"metadata.name: \"{'a' * 118}\u2026 is not a valid name; accepted: lower-case letters, digits, '-' and"
        " '.', at most 253, each part starting and ending with a letter or digit",
    ),
    (model() | {"apiVersion": "ome.io/v1"}, 'apiVersion: "ome.io/v1" is not known; accepted: ome.io/v1beta1'),
    (model() | {"spec": []}, "spec: a list is not an object; accepted: an object"),
]
