"""Lives of all kinds at once while the API server dies, watches break and versions expire: they end as calm ones."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from controller.resources import watched
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.company import Company
from tests.controller.engine.leading import LIVES, Measure, controller_of, live_calmly
from tests.controller.engine.lives import SYSTEM
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.proxy import CuttingProxy

PLURALS = {each.resource.plural for each in watched(SYSTEM)}


class Scene(NamedTuple):
    """A controller at work behind a proxy, and what lives come to there while nothing happens."""

    server: ApiServer
    proxy: CuttingProxy
    controller: ControllerProcess
    measures: Sequence[Measure]

    def company(self, word: str, disturb: Callable[[], object] = lambda: None, every: int = 1000) -> Company:
        """Lives that are led here."""
        return Company(self.server, self.proxy, word, self.measures, disturb, every)

    @property
    def expired(self) -> float:
        """Watches whose version was too old."""
        return self.controller.metric("ome_controller_watches_expired_total")


@pytest.fixture
def scene(released_server: ApiServer, tmp_path: Path, name: str) -> Iterator[Scene]:
    with CuttingProxy(released_server, tmp_path) as proxy, controller_of(proxy.kubeconfig, tmp_path) as controller:
        controller.until_ready()
        lives = [life_of(released_server, f"{name}-calm-{life_of.__name__.lower()}") for life_of in LIVES]
        measures = [live_calmly(life, proxy) for life in lives]
        yield Scene(released_server, proxy, controller, measures)
        assert controller.process.poll() is None
        assert not any(line.get("error") == "internal" for line in controller.lines())


def test_an_api_server_that_dies_again_and_again_is_waited_for(scene: Scene, name: str) -> None:
    company = scene.company(name, scene.server.restart, every=12)
    company.live()
    assert company.times >= 2


def test_connections_that_break_again_and_again_delay_little(scene: Scene, name: str) -> None:
    company = scene.company(name, every=4)
    company.live()
    assert company.times >= 6
    assert not any(line.get("error") == "unsettled" for line in scene.controller.lines())


def test_watches_that_break_again_and_again_lose_nothing(scene: Scene, name: str) -> None:
    company = scene.company(name, scene.proxy.cut_watches, every=5)
    company.live()
    assert company.times >= 5


@pytest.mark.parametrize("when", ["at once", "within the watch"])
def test_versions_that_expire_again_and_again_lose_nothing(scene: Scene, name: str, when: str) -> None:
    def expire() -> None:
        (scene.proxy.expire if when == "at once" else scene.proxy.expire_within).update(PLURALS)
        scene.proxy.cut_watches()

    company = scene.company(name, expire, every=8)
    company.live()
    assert company.times >= 3
    assert scene.expired >= len(PLURALS)


def test_changes_in_versions_that_etcd_has_forgotten_are_found(scene: Scene, name: str) -> None:
    before, after = scene.company(f"{name}-before"), scene.company(f"{name}-after")
    before.begin()
    before.settle()
    scene.proxy.cut_all()
    scene.proxy.cut_watches()
    before.leave()
    after.begin()
    scene.server.forget_versions()
    scene.proxy.mend()
    before.go()
    after.settle()
    after.leave()
    after.go()
    assert scene.expired > 0
