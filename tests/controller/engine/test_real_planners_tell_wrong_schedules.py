"""A schedule that the released definition takes and that never comes: told by the whole controller, and mended."""

from pathlib import Path

from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.benchmark_lives import ScheduledBenchmarkLife
from tests.controller.engine.leading import bury, controller_of
from tests.controller.engine.waiting import until


class WrongLife(ScheduledBenchmarkLife):
    """A BenchmarkJob that somebody wrote too quickly."""

    mistake: Object = {}

    @property
    def spec(self) -> Object:
        """The same with the mistake."""
        return {**super().spec, **self.mistake}

    def told(self) -> str:
        """The condition Completed, in one line."""
        found = self.server.admin.get(self.body).get("status", {}).get("conditions", [])
        return next((f"{c['status']} {c['reason']}: {c['message']}" for c in found if c["type"] == "Completed"), "")


def test_a_schedule_that_never_comes_is_told_and_kept_when_it_is_mended(
    released_server: ApiServer, tmp_path: Path, name: str
) -> None:
    never, nowhere = WrongLife(released_server, f"{name}-never"), WrongLife(released_server, f"{name}-nowhere")
    never.mistake, nowhere.mistake = {"schedule": "0 0 31 2 *"}, {"timeZone": "Europe/Berlni"}
    with controller_of(released_server.kubeconfig, tmp_path):
        for life in (never, nowhere):
            life.begin()
            until(life.told, f"what is wrong with {life.name}")
        assert never.told() == (
            'False InvalidSpec: spec.schedule: "0 0 31 2 *" never comes: its months have no day 31; '
            "accepted: a day that exists. Correct it; until then no run is started."
        )
        assert nowhere.told() == (
            'False InvalidSpec: spec.timeZone: "Europe/Berlni" is not a time zone; did you mean "Europe/Berlin"?; '
            "accepted: a name of the IANA time zone database, such as Europe/Berlin or UTC. "
            "Correct it; until then no run is started."
        )
        for life in (never, nowhere):
            assert life.belongings() == []
            life.mistake = {}
            life.begin()
            until(life.has_settled, f"{life.name} measured")
            bury(life)
