"""The whole controller on a real API server with the released schemas, killed with -9 at each write about each kind.

Each life is one of `lives`: applied, brought about by a hand that plays Argo, deleted, gone. Killed before a write and
killed after the one before it leave the same API server behind, and reads leave nothing, so each place is tried once.
"""

from pathlib import Path

import pytest

from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import LIVES, bury, controller_of, created_for, finish, live_calmly
from tests.controller.engine.lives import Life
from tests.controller.engine.proxy import Cut, CuttingProxy
from tests.controller.engine.waiting import until


@pytest.mark.parametrize("life_of", LIVES, ids=lambda each: each.__name__)
def test_the_end_is_the_same_after_a_kill_at_every_write(
    released_server: ApiServer, tmp_path: Path, life_of: type[Life]
) -> None:
    word = life_of.__name__.lower()
    with CuttingProxy(released_server, tmp_path) as proxy:
        with controller_of(proxy.kubeconfig, tmp_path) as controller:
            controller.until_ready()
            measure = live_calmly(life_of(released_server, f"{word}-calm"), proxy)
        killed: Life | None = None
        happened, number = "", 0
        while killed is not None or number == 0:
            with controller_of(proxy.kubeconfig, tmp_path):
                if killed is not None:
                    finish(killed, measure, proxy, happened)
                number += 1
                life = life_of(released_server, f"{word}-{number:03d}")
                cut = _live_until_cut(life, proxy, number)
            proxy.mend()
            killed = life if cut.happened.is_set() else None
            happened = f"a kill after {', '.join(cut.writes)}"
    assert number > life_of.fewest_writes


@pytest.mark.parametrize("life_of", LIVES, ids=lambda each: each.__name__)
def test_nothing_is_left_of_what_is_deleted_while_the_controller_is_dead(
    released_server: ApiServer, tmp_path: Path, life_of: type[Life]
) -> None:
    word = f"deleted-{life_of.__name__.lower()}"
    with CuttingProxy(released_server, tmp_path) as proxy:
        killed: Life | None = None
        happened, number = "", 0
        while killed is not None or number == 0:
            with controller_of(proxy.kubeconfig, tmp_path):
                if killed is not None:
                    bury(killed, happened)
                    created = created_for(killed, proxy)
                    assert len(created) == len(set(created)), happened
                number += 1
                life = life_of(released_server, f"{word}-{number:03d}")
                cut = proxy.cut_at(number, "", "after")
                life.begin()
                until(lambda: cut.happened.is_set() or life.has_settled(), f"{life.name} cut or settled")  # noqa: B023 - called here
                if not cut.happened.is_set():
                    proxy.mend()
                    bury(life)
            life.leave()
            proxy.mend()
            killed = life if cut.happened.is_set() else None
            happened = f"a kill after {', '.join(cut.writes)}, and a deletion"
    assert number > 1


def _live_until_cut(life: Life, proxy: CuttingProxy, number: int) -> Cut:
    """A life until its n-th write, or until its end where it has fewer."""
    cut = proxy.cut_at(number, "", "after")
    life.begin()
    until(lambda: cut.happened.is_set() or life.has_settled(), f"{life.name} cut or settled")
    if not cut.happened.is_set():
        life.leave()
        until(lambda: cut.happened.is_set() or life.has_gone(), f"{life.name} cut or gone")
    return cut
