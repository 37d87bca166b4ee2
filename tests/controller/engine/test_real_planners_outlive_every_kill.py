"""The whole controller on a real API server with the released schemas, killed with -9 at each write about each kind.

Each life is one of `lives`: applied, brought about by a hand that plays Argo, deleted, gone.
"""

from pathlib import Path

import pytest

from controller.planners import PLANNERS
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.killing import kill_at_every_write
from tests.controller.engine.leading import LIVES, bury, controller_of, created_for
from tests.controller.engine.lives import Life
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.waiting import until


def test_every_kind_that_is_planned_has_a_life() -> None:
    assert {life_of.kind for life_of in LIVES} == set(PLANNERS)


@pytest.mark.parametrize("life_of", LIVES, ids=lambda each: each.__name__)
def test_the_end_is_the_same_after_a_kill_at_every_write(
    released_server: ApiServer, tmp_path: Path, life_of: type[Life]
) -> None:
    word = life_of.__name__.lower()
    with CuttingProxy(released_server, tmp_path) as proxy:
        writes = kill_at_every_write(
            life_of, word, released_server, proxy, lambda: controller_of(proxy.kubeconfig, tmp_path)
        )
    assert len(writes) >= life_of.fewest_writes, writes


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
