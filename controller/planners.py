"""Which function plans which kind. `controller.main` hands them to the engine."""

from collections.abc import Mapping

from controller.plans.accelerator import plan_accelerator
from controller.plans.benchmark import plan_benchmark
from controller.plans.model import plan_model
from controller.plans.service import plan_service
from controller.reconcile import Planner

PLANNERS: Mapping[str, Planner] = {
    "ClusterBaseModel": plan_model,
    "BaseModel": plan_model,
    "InferenceService": plan_service,
    "BenchmarkJob": plan_benchmark,
    "AcceleratorClass": plan_accelerator,
}
"""Planners by kind: pure functions from a resource and what is observed to a plan."""
