"""Policies: BestFit, Cheapest, MostCapable and FirstAvailable, with availability and a total order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.accelerator_selector import AcceleratorConstraints, AcceleratorPolicy
from steps.choice import Fit, FitVerdict, Parallelism
from steps.selection.accelerators import Supply
from steps.selection.fit import Placement
from steps.selection.memory import GIB, Device
from steps.selection.policies import Option, choose_option
from tests.selection.objects import accelerator

ANY = AcceleratorConstraints()


def option(
    name: str,
    memory: int,
    *,
    tflops: int = 100,
    bandwidth: int = 1000,
    cost: dict[str, Any] | None = None,
    verdict: FitVerdict = "fits",
    needed: int = 10,
    devices: int = 1,
    free: int = 8,
    position: int = 0,
) -> Option:
    capabilities = {
        "memoryGB": f"{memory}Gi",
        "memoryBandwidthGBps": str(bandwidth),
        "performance": {"fp16Tflops": tflops},
    }
    found = accelerator(name, capabilities=capabilities, **({"cost": cost} if cost else {}))
    supply = Supply(accelerator=found, device=Device(memory=memory * GIB), per_node=8, nodes=1, free=free, total=8)
    fit = Fit(verdict=verdict, needed=needed * GIB, available=memory * GIB)
    return Option(supply, Placement(Parallelism(tensor=devices), fit), position)


def chosen(options: list[Option], policy: AcceleratorPolicy | None, constraints: AcceleratorConstraints = ANY) -> str:
    return choose_option(options, policy, constraints).supply.name


SMALL = option("small", 24, tflops=125, bandwidth=600, cost={"perHour": "1"}, position=2)
MIDDLE = option("middle", 80, tflops=312, bandwidth=2000, cost={"perHour": "3", "spotPerHour": "0.9"}, position=1)
LARGE = option("large", 141, tflops=989, bandwidth=4800, cost={"tier": "low"}, position=0)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (None, "small"),
        ("BestFit", "small"),
        ("MostCapable", "large"),
        ("Cheapest", "middle"),
        ("FirstAvailable", "large"),
    ],
)
def test_each_policy_takes_its_own(policy: AcceleratorPolicy | None, name: str) -> None:
    assert chosen([SMALL, MIDDLE, LARGE], policy) == name


def test_best_fit_measures_against_the_asked_memory() -> None:
    assert chosen([SMALL, MIDDLE, LARGE], "BestFit", AcceleratorConstraints(min_memory=80)) != "large"
    exact = AcceleratorConstraints(min_memory=141)
    assert chosen([MIDDLE, LARGE], "BestFit", exact) in ("middle", "large")


def test_what_fits_comes_before_every_policy() -> None:
    tight = option("tight", 24, verdict="tight", cost={"perHour": "0.1"})
    cannot = option("cannot", 16, verdict="does-not-fit", cost={"perHour": "0.01"})
    fits = option("fits", 141, cost={"perHour": "9"})
    for policy in ("BestFit", "Cheapest", "FirstAvailable", "MostCapable"):
        assert chosen([cannot, tight, fits], policy) == "fits"


def test_availability_counts_before_the_policy() -> None:
    busy = option("busy", 80, cost={"perHour": "1"}, devices=4, free=2, position=0)
    free = option("free", 80, cost={"perHour": "5"}, devices=4, free=4, position=1)
    assert chosen([busy, free], "FirstAvailable") == "free"
    assert chosen([busy, free], "Cheapest") == "free"
    assert chosen([busy], "FirstAvailable") == "busy"


def test_the_price_is_that_of_all_devices() -> None:
    many = option("many", 24, devices=4, cost={"perHour": "1"})
    one = option("one", 141, devices=1, cost={"perHour": "3"})
    assert chosen([many, one], "Cheapest") == "one"


def test_hourly_prices_before_prices_a_token_before_tiers_before_none() -> None:
    hourly = option("d", 80, cost={"perHour": "100"})
    tokens = option("c", 80, cost={"perMillionTokens": "0.01"})
    tier = option("b", 80, cost={"tier": "low"})
    nothing = option("a", 80)
    assert chosen([nothing, tier, tokens, hourly], "Cheapest") == "d"
    assert chosen([nothing, tier, tokens], "Cheapest") == "c"
    assert chosen([nothing, tier], "Cheapest") == "b"
    assert chosen([nothing], "Cheapest") == "a"


options = st.lists(
    st.builds(
        option,
        st.text("abcdef", min_size=1, max_size=6),
        st.integers(1, 200),
        tflops=st.integers(0, 2000),
        verdict=st.sampled_from(["fits", "tight", "does-not-fit", "unknown"]),
        free=st.integers(0, 8),
        position=st.integers(0, 5),
        cost=st.one_of(st.none(), st.integers(0, 3).map(lambda n: {"perHour": str(n)})),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda o: o.supply.name,
)
policies = st.sampled_from([None, "BestFit", "Cheapest", "MostCapable", "FirstAvailable"])


@given(options, policies, st.randoms())
def test_the_order_of_the_list_never_matters(
    found: list[Option], policy: AcceleratorPolicy | None, random: Any
) -> None:
    shuffled = random.sample(found, len(found))
    assert chosen(found, policy) == chosen(shuffled, policy)


@given(options, policies)
def test_nothing_better_fitting_is_passed_over(found: list[Option], policy: AcceleratorPolicy | None) -> None:
    order = ["fits", "tight", "unknown", "does-not-fit"]
    best = min(order.index(o.placement.fit.verdict) for o in found)
    assert choose_option(found, policy, ANY).placement.fit.verdict == order[best]
