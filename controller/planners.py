"""Which function plans which kind. `controller.main` hands them to the engine."""

from collections.abc import Mapping

from controller.plans.model import plan_model
from controller.reconcile import Planner

PLANNERS: Mapping[str, Planner] = {
    "ClusterBaseModel": plan_model,
    "BaseModel": plan_model,
}
"""Planners by kind: pure functions from a resource and what is observed to a plan."""
