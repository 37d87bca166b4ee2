"""Long lists come in pages, each asked for while the one before is gone through; none is lost on the way."""

import asyncio
import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest

from controller.store import Change
from controller.watch import PAGE
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.conftest import Start
from tests.controller.engine.listing_watch import PATIENCE_SECONDS, SMALL_PAGE, run_quietly, watch_of
from tests.controller.engine.proxy import CuttingProxy, Fate
from tests.controller.engine.waiting import until

NAMES = [f"s{number:02}" for number in range(3 * SMALL_PAGE + 1)]
LAST = "z"


def secret(namespace: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}}


def fill(server: ApiServer, names: Iterable[str] = NAMES) -> str:
    """A new namespace with secrets of these names."""
    namespace = server.new_namespace("pages")
    for name in names:
        server.admin.create(secret(namespace, name))
    return namespace


def test_every_page_is_held_and_what_is_gone_from_any_page_is_missed(engine_server: ApiServer, tmp_path: Path) -> None:
    namespace = fill(engine_server)
    gone = {NAMES[0], NAMES[SMALL_PAGE], NAMES[-1]}

    async def run(proxy: CuttingProxy) -> None:
        async with watch_of(namespace, proxy.kubeconfig) as watch:
            await watch.until_listed()
            assert watch.names == NAMES
            assert watch.pages() == 4
            engine_server.admin.create(secret(namespace, LAST))
            await watch.until_change_of(LAST)  # a watch that goes on is what is cut
            proxy.cut_all()
            proxy.cut_watches()
            for name in sorted(gone):
                engine_server.admin.delete(secret(namespace, name))
            proxy.expire = {"secrets"}
            proxy.mend()
            missed = [await watch.changes.get() for _ in gone]
            assert {change.key.name for change in missed if change.new is None} == gone
            assert watch.names == sorted({*NAMES, LAST} - gone)
            assert (watch.lists, watch.pages()) == (2, 4 + 3)

    with CuttingProxy(engine_server, tmp_path) as proxy:
        run_quietly(lambda: run(proxy))


def test_a_list_whose_token_is_too_old_for_its_next_page_begins_anew(own_server: ApiServer, tmp_path: Path) -> None:
    namespace = fill(own_server)
    early = f"{NAMES[0]}-early"  # it would be in a page that was there already
    left = sorted({*NAMES, early, LAST} - {NAMES[0], NAMES[SMALL_PAGE]})

    async def run(proxy: CuttingProxy) -> None:
        held = proxy.hold_page("secrets")
        async with watch_of(namespace, proxy.kubeconfig) as watch:
            begun = await watch.until_change_of(NAMES[SMALL_PAGE - 1])
            assert held.asked.wait(PATIENCE_SECONDS)
            assert [change.key.name for change in begun] == NAMES[:SMALL_PAGE]
            for name in (NAMES[0], NAMES[SMALL_PAGE]):
                own_server.admin.delete(secret(namespace, name))
            for name in (early, LAST):
                own_server.admin.create(secret(namespace, name))
            own_server.forget_versions()
            until(lambda: own_server.admin.request("GET", f"/api/v1/namespaces/{namespace}/secrets"), "served again")
            held.let("passed on")
            await watch.until_listed()
            assert watch.names == left
            assert [change.key.name for change in await watch.until_change_of(NAMES[0]) if not change.new] == NAMES[:1]
            assert watch.pages("410") == 1
            assert (watch.lists, watch.counts.expired.value("Secret")) == (1, 1)

    with CuttingProxy(own_server, tmp_path) as proxy:
        run_quietly(lambda: run(proxy))


@pytest.mark.parametrize(
    ("fate", "answered"),
    [
        ("refused", 1 + 4),
        ("cut off", 4),  # the HTTP client itself asks again where a connection that was used before is cut
        ("cut off within", 2 + 4),
    ],
)
def test_a_page_that_fails_while_the_one_before_is_gone_through_is_asked_for_again(
    engine_server: ApiServer, tmp_path: Path, fate: Fate, answered: int
) -> None:
    namespace = fill(engine_server)
    was_asked: list[bool] = []

    async def run(proxy: CuttingProxy) -> None:
        held = proxy.hold_page("secrets")

        def fail(change: Change) -> None:
            if not was_asked:
                assert change.key.name == NAMES[0]
                was_asked.append(held.asked.wait(PATIENCE_SECONDS))
                held.let(fate)

        async with watch_of(namespace, proxy.kubeconfig, fail) as watch:
            await watch.until_listed()
            assert watch.names == NAMES
            assert watch.lists == 1
            assert (watch.pages(), watch.pages("503")) == (answered, fate == "refused")

    with CuttingProxy(engine_server, tmp_path) as proxy:
        run_quietly(lambda: run(proxy))
    assert was_asked == [True]


@pytest.mark.parametrize("end", ["a stop", "a fault"])
def test_a_watch_that_ends_in_the_middle_of_a_list_leaves_nothing_behind(
    engine_server: ApiServer, tmp_path: Path, end: str
) -> None:
    namespace = fill(engine_server)

    async def run(proxy: CuttingProxy) -> None:
        held = proxy.hold_page("secrets")

        def heard(change: Change) -> None:
            if end == "a fault":
                raise RuntimeError(f"a fault at {change.key.name}")

        async with watch_of(namespace, proxy.kubeconfig, heard) as watch:
            await watch.until_change_of(NAMES[0])
            if end == "a stop":
                assert held.asked.wait(PATIENCE_SECONDS)
                watch.running.cancel()
            await asyncio.wait([watch.running])
            assert watch.end == (end if end == "a stop" else f"a fault at {NAMES[0]}")
            assert watch.lists == 0

    with CuttingProxy(engine_server, tmp_path) as proxy:
        run_quietly(lambda: run(proxy))


@pytest.mark.parametrize("end", ["a stop", "a fault"])
def test_a_page_that_fails_in_the_moment_of_the_end_is_no_complaint(engine_server: ApiServer, end: str) -> None:
    namespace = fill(engine_server)
    requests = itertools.count(1)

    def heard(change: Change) -> None:
        raise RuntimeError(f"a fault at {change.key.name}")

    async def run() -> None:
        def lose_token(_: object) -> None:
            if next(requests) == 2:  # the second page sets out, and the first one is not gone through yet
                if end == "a stop":
                    watch.running.cancel()
                raise OSError("the token cannot be read")

        async with watch_of(namespace, engine_server.kubeconfig, heard, lose_token) as watch:
            await asyncio.wait([watch.running])
            assert watch.end == (end if end == "a stop" else f"a fault at {NAMES[0]}")

    run_quietly(run)
    assert next(requests) == 3


def test_a_controller_that_is_told_to_stop_in_the_middle_of_a_list_ends_well(
    engine_server: ApiServer, start: Start, tmp_path: Path
) -> None:
    namespace = fill(engine_server, (f"s{number:03}" for number in range(PAGE + 1)))
    with CuttingProxy(engine_server, tmp_path) as proxy:
        held = proxy.hold_page("secrets")
        controller = start("--no-leader-election", f"--namespace={namespace}", kubeconfig=proxy.kubeconfig)
        assert held.asked.wait(PATIENCE_SECONDS)
        assert controller.terminate() == 0
    assert controller.has_logged("stopped")
    assert not controller.has_logged(f"{PAGE + 1} listed")
    assert not any(line.get("logger", "asyncio") == "asyncio" for line in controller.lines())
