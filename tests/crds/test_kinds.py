"""The registry of kinds, and that every field of OME's API is there under its own name."""

import subprocess
import sys

import pytest

from crds.accelerator_class import AcceleratorCapabilities, AcceleratorDiscovery, AcceleratorPerformance
from crds.benchmark_job import BenchmarkJobSpec, PodOverride
from crds.benchmark_status import BenchmarkJobStatus
from crds.component import EngineSpec, RouterSpec
from crds.fine_tuned_weight import FineTunedWeightSpec
from crds.inference_service import InferenceServiceSpec
from crds.kinds import KINDS, NAMESPACED, PLURALS, find_kind
from crds.model import ModelSpec, ModelStatus
from crds.problems import FieldError
from crds.service_status import ComponentStatus, InferenceServiceStatus
from crds.serving_runtime import ServingRuntimeSpec, SupportedModelFormat
from crds.storage import StorageSpec

_EXTENSION = "displayName version disabled vendor compartmentID"
_RUNTIME_POD = (
    "containers volumes nodeSelector affinity tolerations labels annotations imagePullSecrets schedulerName hostIPC"
    " dnsPolicy hostNetwork"
)
_COMPONENT = (
    "minReplicas maxReplicas scaleTarget scaleMetric containerConcurrency timeoutSeconds canaryTrafficPercent labels"
    " annotations minAvailable maxUnavailable deploymentStrategy kedaConfig runner"
)


@pytest.mark.parametrize(
    ("api_type", "names"),
    [
        (AcceleratorDiscovery, "nodeSelector affinity pciVendorID deviceIDs"),
        (
            AcceleratorCapabilities,
            "memoryGB computeCapability levelZeroVersion clockSpeedMHz memoryBandwidthGBps features performance",
        ),
        (AcceleratorPerformance, "fp32Tflops fp16Tflops int8Tops int4Tops latency"),
        (
            ModelSpec,
            f"modelFormat modelFramework modelType modelArchitecture modelParameterSize quantization modelCapabilities"
            f" apiCapabilities modelConfiguration additionalMetadata storage servingMode maxTokens diffusionPipeline"
            f" {_EXTENSION}",
        ),
        (
            FineTunedWeightSpec,
            f"baseModelRef modelType hyperParameters storage configuration trainingJobRef {_EXTENSION}",
        ),
        (
            ModelStatus,
            "lifecycle state nodesReady nodesFailed conditions observedGeneration workflow artifact progress",
        ),
        (
            ServingRuntimeSpec,
            f"supportedModelFormats modelSizeRange disabled protocolVersions engineConfig decoderConfig routerConfig"
            f" workers acceleratorRequirements {_RUNTIME_POD}",
        ),
        (
            SupportedModelFormat,
            "name modelFormat modelType version modelFramework modelArchitecture quantization diffusionPipeline"
            " autoSelect priority acceleratorConfig",
        ),
        (
            EngineSpec,
            f"{_COMPONENT} leader worker acceleratorOverride containers initContainers volumes tolerations hostIPC"
            " hostPID hostNetwork dnsPolicy serviceAccountName topologySpreadConstraints setHostnameAsFQDN",
        ),
        (RouterSpec, f"{_COMPONENT} config"),
        (
            InferenceServiceSpec,
            "model runtime engine decoder router kedaConfig acceleratorSelector predictor rollout",
        ),
        (
            InferenceServiceStatus,
            "conditions observedGeneration address url components modelStatus selection workflow",
        ),
        (
            ComponentStatus,
            "latestReadyRevision latestCreatedRevision previousRolledoutRevision latestRolledoutRevision traffic url"
            " restURL address selectedAccelerator",
        ),
        (
            BenchmarkJobSpec,
            "huggingFaceSecretReference endpoint serviceMetadata task trafficScenarios numConcurrency"
            " maxTimePerIteration maxRequestsPerIteration additionalRequestParams dataset outputLocation"
            " resultFolderName podOverride schedule timeZone historyLimit baseline thresholds",
        ),
        (PodOverride, "image env envFrom volumeMounts resources tolerations nodeSelector affinity volumes"),
        (
            BenchmarkJobStatus,
            "state startTime completionTime lastReconcileTime failureMessage details results verdict history"
            " reportUri",
        ),
        (
            StorageSpec,
            "path schemaPath parameters key storageUri nodeSelector nodeAffinity downloadPolicy allowPatterns"
            " ignorePatterns",
        ),
    ],
)
def test_every_field_of_ome_is_there(api_type: type[StorageSpec], names: str) -> None:
    assert set(names.split()) - set(api_type.json_names()) == set()


def test_the_eight_kinds() -> None:
    assert dict(PLURALS) == {
        "BaseModel": "basemodels",
        "ClusterBaseModel": "clusterbasemodels",
        "FineTunedWeight": "finetunedweights",
        "ServingRuntime": "servingruntimes",
        "ClusterServingRuntime": "clusterservingruntimes",
        "InferenceService": "inferenceservices",
        "BenchmarkJob": "benchmarkjobs",
        "AcceleratorClass": "acceleratorclasses",
    }
    assert {"BaseModel", "ServingRuntime", "InferenceService", "BenchmarkJob"} == NAMESPACED


@pytest.mark.parametrize("name", KINDS)
def test_the_registry_and_the_type_agree(name: str) -> None:
    kind = KINDS[name]
    assert kind.type.model_fields["kind"].default == name
    assert kind.is_namespaced == kind.type.IS_NAMESPACED
    assert {"spec", "status", "metadata", "apiVersion", "kind"} == set(kind.type.json_names())


def test_short_names_are_not_those_of_kubernetes() -> None:
    short = [name for kind in KINDS.values() for name in kind.short_names]
    assert len(short) == len(set(short)) == len(KINDS)
    assert not set(short) & {"csr", "sc", "cm", "po", "svc", "pv", "sa", "no", "ns", "cs"}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("isvc", "InferenceService"),
        ("InferenceService", "InferenceService"),
        ("inferenceservices.ome.io", "InferenceService"),
        ("ClusterBaseModels", "ClusterBaseModel"),
        ("CBM", "ClusterBaseModel"),
    ],
)
def test_kinds_are_found_by_any_name(word: str, name: str) -> None:
    assert find_kind(word).name == name


def test_an_unknown_kind_has_a_suggestion() -> None:
    with pytest.raises(FieldError, match='"inferenceservise" is not a kind; did you mean "inferenceservice'):
        find_kind("inferenceservise")


def test_the_registry_loads_no_types_until_one_is_asked_for() -> None:
    code = "import sys, crds.kinds; print('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
