"""Planners: one pure function a kind, from a resource and what is observed to a plan.

No I/O and no clock but `Context.now`. Every decision is made from observed state, so that an unchanged state is an
empty plan and a plan that was cut short anywhere is simply made again.
"""

from controller.plans.accelerator import plan_accelerator
from controller.plans.benchmark import plan_benchmark
from controller.plans.fine_tuned_weight import plan_fine_tuned_weight
from controller.plans.model import plan_model
from controller.plans.service import plan_service

__all__ = ["plan_accelerator", "plan_benchmark", "plan_fine_tuned_weight", "plan_model", "plan_service"]
