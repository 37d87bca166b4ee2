"""What the API server refuses from an object alone: which rules hold for which type, and for which of its fields.

`crds.schema` puts them into the definitions. They refuse what `crds.load` refuses, as far as CEL can say it within the
API server's cost limits, and never more; what is left (annotations, JSON in text, days that never come) the controller
says in a condition. Rules of a type hold for the types derived from it.
"""

from collections.abc import Mapping
from typing import Any

from crds import benchmark_rules, service_rules, storage_rules
from crds.accelerator_selector import AcceleratorConstraints
from crds.autoscaling import KedaConfig
from crds.benchmark_job import (
    Baseline,
    BenchmarkJobSpec,
    DirectEndpoint,
    EndpointSpec,
    HuggingFaceSecretReference,
    InferenceServiceReference,
)
from crds.cel import Rule
from crds.component import ComponentExtension, EngineSpec
from crds.fine_tuned_weight import FineTunedWeightSpec
from crds.inference_service import InferenceService, InferenceServiceSpec, ModelReference, RuntimeReference
from crds.model import ModelSpec
from crds.rollout import BenchmarkGate, Rollout, RolloutStep
from crds.serving_runtime import ModelSizeRange
from crds.storage import StorageSpec

RULES: Mapping[type, tuple[Rule, ...]] = {
    StorageSpec: storage_rules.STORAGE_RULES,
    BenchmarkJobSpec: benchmark_rules.JOB_RULES,
    EndpointSpec: benchmark_rules.ENDPOINT_RULES,
    Baseline: benchmark_rules.BASELINE_RULES,
    ComponentExtension: service_rules.COMPONENT_RULES,
    EngineSpec: service_rules.ENGINE_RULES,
    InferenceServiceSpec: service_rules.SERVICE_RULES,
    InferenceService: service_rules.NAME_OF_SERVICE_RULES,
    AcceleratorConstraints: service_rules.MEMORY_RULES,
    Rollout: service_rules.ROLLOUT_RULES,
    RolloutStep: service_rules.STEP_RULES,
    ModelSizeRange: service_rules.SIZE_RANGE_RULES,
}
"""Of whole values, by type."""

FIELD_RULES: Mapping[tuple[type, str], tuple[Rule, ...]] = {
    (StorageSpec, "storageUri"): storage_rules.URI_RULES,
    (StorageSpec, "path"): storage_rules.PATH_RULES,
    (StorageSpec, "allowPatterns[]"): storage_rules.PATTERN_RULES,
    (StorageSpec, "ignorePatterns[]"): storage_rules.PATTERN_RULES,
    (ModelSpec, "storage"): (storage_rules.REQUIRED_URI,),
    (FineTunedWeightSpec, "storage"): (storage_rules.REQUIRED_URI,),
    (BenchmarkJobSpec, "outputLocation"): (storage_rules.REQUIRED_URI, *benchmark_rules.OUTPUT_RULES),
    (BenchmarkJobSpec, "trafficScenarios[]"): benchmark_rules.SCENARIO_RULES,
    (BenchmarkJobSpec, "schedule"): benchmark_rules.SCHEDULE_RULES,
    (BenchmarkJobSpec, "timeZone"): benchmark_rules.TIME_ZONE_RULES,
    (BenchmarkGate, "trafficScenarios[]"): (*benchmark_rules.SCENARIO_RULES, *service_rules.GATE_SCENARIO_RULES),
    (DirectEndpoint, "url"): service_rules.URL_RULES,
    (HuggingFaceSecretReference, "name"): service_rules.NAME_RULES,
    (InferenceServiceReference, "name"): service_rules.NAME_RULES,
    (InferenceServiceReference, "namespace"): service_rules.NAMESPACE_RULES,
    (ModelReference, "name"): service_rules.NAME_RULES,
    (RuntimeReference, "name"): service_rules.NAME_RULES,
    (KedaConfig, "promServerAddress"): service_rules.OPTIONAL_URL_RULES,
    (KedaConfig, "scalingThreshold"): service_rules.NUMBER_RULES,
    (RolloutStep, "pause"): service_rules.PAUSE_RULES,
    (ModelSizeRange, "min"): service_rules.SIZE_RULES,
    (ModelSizeRange, "max"): service_rules.SIZE_RULES,
}
"""Of single fields, by type and JSON name; `name[]` is each entry of a list."""

SPELLINGS: Mapping[type, Mapping[str, Mapping[str, Any]]] = {
    StorageSpec: {
        "storageKey": {
            "type": "string",
            "maxLength": 253,
            "description": "The same as key, as OME's documentation spells it.",
        },
    },
}
"""Fields that types read under another name, by type and JSON name."""
