"""Which of several accelerators to take: OME's policies, with availability, and never a tie. `candidates` calls it.

Every policy looks first at what fits and is free. Then BestFit takes the least that is enough, MostCapable the most,
Cheapest the lowest price of all devices that are needed, FirstAvailable the first of the runtime's own list.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from crds.accelerator_class import AcceleratorCost
from crds.accelerator_selector import AcceleratorConstraints, AcceleratorPolicy
from steps.selection.accelerators import Supply, peak_rate
from steps.selection.fit import Placement, fit_rank
from steps.selection.memory import GIB

_TIERS = {"low": 1, "medium": 2, "high": 3}
_UNKNOWN_TIER = 2


class Option(NamedTuple):
    """An accelerator, and the model placed on it.

    Attributes:
        supply: What there is of it.
        placement: How the model is spread, and whether it fits.
        position: Its place in the runtime's list.
    """

    supply: Supply
    placement: Placement
    position: int

    @property
    def devices(self) -> int:
        """Devices that are taken on one node."""
        return min(self.placement.parallelism.devices, max(self.supply.per_node, 1))

    @property
    def is_free(self) -> bool:
        """Whether enough devices are free on one node."""
        return self.supply.free >= self.devices


def choose_option(
    options: Sequence[Option], policy: AcceleratorPolicy | None, constraints: AcceleratorConstraints
) -> Option:
    """The best option under a policy (BestFit when there is none); `options` has at least one.

    Ties end in a fixed order: fewer devices, then the class's name.
    """
    by_policy = _measures(options, constraints)[policy or "BestFit"]

    def order(option: Option) -> tuple[object, ...]:
        fit = fit_rank(option.placement.fit)
        return (fit, not option.is_free, by_policy(option), option.devices, option.supply.name)

    return min(options, key=order)


def _measures(
    options: Sequence[Option], constraints: AcceleratorConstraints
) -> dict[AcceleratorPolicy, Callable[[Option], tuple[float, ...]]]:
    """What each policy minimises."""
    preferred = constraints.preferred_precisions
    rates = {option.supply.name: float(peak_rate(option.supply.accelerator.spec, preferred)) for option in options}
    widths = {option.supply.name: _bandwidth(option) for option in options}
    most_memory = max(option.supply.nominal_memory for option in options) or 1
    most_rate, most_width = max(rates.values()) or 1, max(widths.values()) or 1

    def best_fit(option: Option) -> tuple[float, ...]:
        memory, rate = option.supply.nominal_memory, rates[option.supply.name]
        fit = option.placement.fit
        if constraints.min_memory:
            share = constraints.min_memory * GIB / memory if memory else 0.0
        else:  # no bound was given: what the model needs is the bound
            share = min(fit.needed / fit.available, 1.0) if fit.available else 0.0
        asked = constraints.min_compute_performance_tflops
        compute = min(1.0, rate / asked) if asked else float(rate > 0)
        return (-(0.7 * min(share, 1.0) + 0.3 * compute),)

    def most_capable(option: Option) -> tuple[float, ...]:
        name, memory = option.supply.name, option.supply.nominal_memory
        return (-(0.5 * memory / most_memory + 0.3 * widths[name] / most_width + 0.2 * rates[name] / most_rate),)

    def cheapest(option: Option) -> tuple[float, ...]:
        return price(option.supply.accelerator.spec.cost, option.devices)

    def first_available(option: Option) -> tuple[float, ...]:
        return (float(option.position),)

    return {
        "BestFit": best_fit,
        "MostCapable": most_capable,
        "Cheapest": cheapest,
        "FirstAvailable": first_available,
    }


def price(cost: AcceleratorCost | None, devices: int) -> tuple[float, ...]:
    """A price to compare: any hourly one (spot before on demand) is before any per token, then tiers, then none."""
    if cost is None:
        return (3, math.inf)
    hourly = cost.spot_per_hour if cost.spot_per_hour is not None else cost.per_hour
    if hourly is not None:
        return (0, float(hourly) * devices)
    if cost.per_million_tokens is not None:
        return (1, float(cost.per_million_tokens))
    return (2, _TIERS.get(cost.tier.casefold(), _UNKNOWN_TIER)) if cost.tier else (3, math.inf)


def _bandwidth(option: Option) -> float:
    bandwidth = option.supply.accelerator.spec.capabilities.memory_bandwidth_gbps
    return float(bandwidth) if bandwidth is not None else 0.0
