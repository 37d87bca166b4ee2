"""Controllers killed with -9 at one write after the other about lives of one class.

Killed before a write and killed after the one before it leave the same API server behind, and reads leave nothing, so
each place is tried once.
"""

from collections.abc import Callable, Sequence

from controller.resources import RESOURCES
from steps.cluster.resource_types import object_path
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import finish, live_calmly
from tests.controller.engine.lives import Life
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import Cut, CuttingProxy
from tests.controller.engine.waiting import until


def kill_at_every_write(
    life_of: type[Life], word: str, server: ApiServer, proxy: CuttingProxy, start: Callable[[], ControllerProcess]
) -> Sequence[str]:
    """Lead a life for each write that it takes, kill the controller there, and see the next come to a calm life's end.

    Args:
        life_of: The class.
        word: Which no other lives on this server have in their names.
        server: Where.
        proxy: Before it.
        start: A controller that goes through the proxy.

    Returns:
        The writes at which controllers were killed.

    Raises:
        AssertionError: when a life comes to another end, or to none; says where the controller was killed.
    """
    with start() as controller:
        controller.until_ready()
        measure = live_calmly(life_of(server, f"{word}-calm"), proxy)
    writes: list[str] = []
    killed: Life | None = None
    happened = ""
    while True:
        there = len(_all(server, life_of.kind))
        with start() as controller:
            if killed is not None:
                controller.until_planned(life_of.kind, there)  # what has settled may be changed by the next
                finish(killed, measure, proxy, happened)
            life = life_of(server, f"{word}-{len(writes) + 1:03d}")
            cut = live_until_cut(life, proxy, len(writes) + 1)
        proxy.mend()
        if not cut.happened.is_set():
            return writes
        writes.append(cut.writes[-1])
        killed, happened = life, f"a kill after {', '.join(cut.writes)}"


def live_until_cut(life: Life, proxy: CuttingProxy, number: int, about: str = "") -> Cut:
    """A life until the n-th write, of all or of those about one object, or until its end where there are fewer."""
    cut = proxy.cut_at(number, about, "after")
    life.begin()
    until(lambda: cut.happened.is_set() or life.has_settled(), f"{life.name} cut or settled")
    if not cut.happened.is_set():
        life.leave()
        until(lambda: cut.happened.is_set() or life.has_gone(), f"{life.name} cut or gone")
    return cut


def _all(server: ApiServer, kind: str) -> Sequence[Object]:
    found: Sequence[Object] = server.admin.request("GET", object_path(RESOURCES[kind]))["items"]
    return found
