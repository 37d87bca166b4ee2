"""What `ome fit` tells: whether a model fits somewhere, how fast it would run there, and what would fit. Pure."""

from collections.abc import Callable, Mapping, Sequence

from steps.choice import Fit, Parallelism
from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.engines import Engine
from steps.selection.fit import DEFAULT_CONTEXT, Space, fit_model, place_model
from steps.selection.memory import Device
from steps.selection.request import Accelerator
from steps.selection.speed import Speed, estimate_speed

DEVICES_PER_NODE = 8
"""Devices of a node where nobody says how many: what vendors build (HGX, DGX, MI300X platforms)."""
LARGEST_CONCURRENCY = 1 << 16
SHORTEST_CONTEXT = 2048
FITTING = ("fits", "tight")


class FitReport(Frozen):
    """One model on one kind of accelerator.

    Attributes:
        accelerator: Name of the class.
        engine: The engine's family.
        margin: Bytes of a device that are left; negative where it lacks.
        largest_context: Tokens a sequence at most, for the concurrency that was asked; 0 when not even one fits.
        largest_concurrency: Sequences at once at most, for the context that was asked.
        dollars_per_hour: Of all devices, None where no price is known.
        price: Whose price, and of which day; "" where none is known.
    """

    accelerator: str
    engine: str
    parallelism: Parallelism
    fit: Fit
    margin: int
    largest_context: int
    largest_concurrency: int
    speed: Speed | None = None
    dollars_per_hour: float | None = None
    price: str = ""


def report_fit(
    facts: Facts,
    accelerator: Accelerator,
    space: Space,
    engine: Engine,
    *,
    context: int = 0,
    concurrency: int = 1,
    price: str = "",
) -> FitReport:
    """The smallest layout that fits in a space, with its numbers; else the one that comes nearest."""
    placement = place_model(facts, space, engine, context=context, concurrency=concurrency)
    parallelism, fit = placement.parallelism, placement.fit
    cost = accelerator.spec.cost
    per_hour = cost.per_hour if cost is not None else None

    def verdict(tokens: int, sequences: int) -> Fit:
        return fit_model(
            facts,
            space.device,
            parallelism=parallelism,
            engine=engine,
            context=tokens,
            concurrency=sequences,
        )

    longest = facts.context_length or fit.context
    is_known = fit.verdict != "unknown"
    return FitReport(
        accelerator=accelerator.name,
        engine=engine.family,
        parallelism=parallelism,
        fit=fit,
        margin=fit.available - fit.needed,
        largest_context=largest(longest, lambda tokens: verdict(tokens, concurrency)) if is_known else 0,
        largest_concurrency=largest(LARGEST_CONCURRENCY, lambda many: verdict(fit.context, many)) if is_known else 0,
        speed=estimate_speed(facts, accelerator.spec, parallelism, engine, fit.context, concurrency),
        dollars_per_hour=float(per_hour) * parallelism.devices if per_hour is not None else None,
        price=price if per_hour is not None else "",
    )


def what_fits(
    facts: Facts,
    devices: Mapping[str, Device],
    accelerators: Sequence[Accelerator],
    engine: Engine,
    *,
    context: int = 0,
    concurrency: int = 1,
    per_node: int = DEVICES_PER_NODE,
    nodes: int = 1,
    prices: Mapping[str, str] | None = None,
) -> tuple[FitReport, ...]:
    """Every class that the model fits on, cheapest first; those without a price after them, fewest devices first.

    Args:
        facts: The model.
        devices: One device of each class, by the class's name; classes without one are left out.
        accelerators: The classes.
        engine: What serves it.
        context: Tokens a sequence.
        concurrency: Sequences at once.
        per_node: Devices of a node.
        nodes: Nodes at most.
        prices: Whose price each is, by the class's name.
    """
    reports = [
        report_fit(
            facts,
            accelerator,
            Space(devices[accelerator.name], per_node, nodes),
            engine,
            context=context,
            concurrency=concurrency,
            price=(prices or {}).get(accelerator.name, ""),
        )
        for accelerator in accelerators
        if accelerator.name in devices
    ]
    return tuple(sorted((report for report in reports if report.fit.verdict in FITTING), key=_order))


def capacity(facts: Facts, device: Device, parallelism: Parallelism, engine: Engine) -> tuple[tuple[int, int], ...]:
    """Contexts in steps of two up to the model's own, and how many sequences of each fit at once; none of them 0."""
    longest = facts.context_length or DEFAULT_CONTEXT
    contexts = [tokens for tokens in (SHORTEST_CONTEXT << n for n in range(32)) if tokens < longest] + [longest]

    def fitting(tokens: int) -> int:
        return largest(
            LARGEST_CONCURRENCY,
            lambda many: fit_model(
                facts, device, parallelism=parallelism, engine=engine, context=tokens, concurrency=many
            ),
        )

    found = [(tokens, fitting(tokens)) for tokens in contexts]
    return tuple((tokens, many) for tokens, many in found if many)


def largest(most: int, verdict: Callable[[int], Fit]) -> int:
    """The largest number up to `most` whose verdict is `fits`, 0 when that of 1 is not: more never needs less."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        if verdict(middle).verdict == "fits":
            low = middle
        else:
            high = middle
    return low


def _order(report: FitReport) -> tuple[object, ...]:
    price = report.dollars_per_hour
    return (price is None, price or 0.0, report.parallelism.devices, report.accelerator)
