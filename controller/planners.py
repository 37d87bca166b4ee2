"""Which function plans which kind. `controller.main` hands them to the engine."""

from collections.abc import Mapping

from controller.plans import plan_accelerator, plan_benchmark, plan_fine_tuned_weight, plan_model, plan_service
from controller.reconcile import Planner

PLANNERS: Mapping[str, Planner] = {
    "ClusterBaseModel": plan_model,
    "BaseModel": plan_model,
    "InferenceService": plan_service,
    "BenchmarkJob": plan_benchmark,
    "AcceleratorClass": plan_accelerator,
    "FineTunedWeight": plan_fine_tuned_weight,
}
"""Planners by kind: pure functions from a resource and what is observed to a plan."""
