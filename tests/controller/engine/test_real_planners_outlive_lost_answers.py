"""The answer to each write about each kind is lost, though it was carried out: nothing is doubled, nothing missing."""

from itertools import count
from pathlib import Path

import pytest

from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import LIVES, controller_of, finish, live_calmly
from tests.controller.engine.lives import Life
from tests.controller.engine.proxy import CuttingProxy


@pytest.mark.parametrize("life_of", LIVES, ids=lambda each: each.__name__)
def test_the_end_is_the_same_whichever_answer_is_lost(
    released_server: ApiServer, tmp_path: Path, life_of: type[Life]
) -> None:
    word = f"lost-{life_of.__name__.lower()}"
    with CuttingProxy(released_server, tmp_path) as proxy, controller_of(proxy.kubeconfig, tmp_path) as controller:
        controller.until_ready()
        measure = live_calmly(life_of(released_server, f"{word}-calm"), proxy)
        for number in count(1):
            life = life_of(released_server, f"{word}-{number:03d}")
            cut = proxy.lose_answer(number)
            life.begin()
            finish(life, measure, proxy, f"the answer to write {number} was lost: {cut.writes}")
            if not cut.happened.is_set():
                break
        assert number > life_of.fewest_writes
        assert not any(line.get("error") == "internal" for line in controller.lines())
