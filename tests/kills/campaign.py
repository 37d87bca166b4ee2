"""Imports models of every kind, round by round, and kills the imports until there were enough kills.

After each kill no model's folder may be there but whole ones, and those whose import had come to its end must be. At
the end of a round all digests are checked.
"""

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from steps.cache.folder import read_marker
from steps.cache.store import sync_folder
from tests.importing.models import contents
from tests.kills.accounting import bytes_in_store, fetched_until_now, settled
from tests.kills.attempt import Order, attempt, check
from tests.kills.moments import KILLS, Moment, MomentKind, Run, choose
from tests.kills.served import Served, ServedModel
from tests.kills.tally import Kill, Tally
from tests.kills.victim import Victim, start, start_command

TO_THE_END = Moment("end", 0)
REFUSALS = 2
"""How often in a row an import may end because of damage that it found and removed."""
BeforeKill = Callable[[Victim, random.Random], str]
"""What happens to the disk while a process is stopped; says what that was."""


class Campaign:
    """Kills until there were enough.

    Args:
        served: What is imported.
        folder: Where to: on the disk that is cut, if one is.
        logs: For what processes say.
        seed: Of all that is chosen at random.
        kinds: Kinds of moments, and how often to choose each.
        before_kill: Called when a process has stopped at its moment.
        after_kill: Called when it is gone.
    """

    def __init__(
        self,
        served: Served,
        folder: Path,
        logs: Path,
        seed: int,
        *,
        kinds: Mapping[MomentKind, int] = KILLS,
        before_kill: BeforeKill = lambda _victim, _chance: "",
        after_kill: Callable[[], None] = lambda: None,
    ) -> None:
        self.tally = Tally()
        self._served = served
        self._folder = folder
        self._logs = logs
        self._chance = random.Random(seed)
        self._kinds = kinds
        self._before_kill = before_kill
        self._after_kill = after_kill
        self._whole: dict[str, Mapping[str, bytes]] = {}
        self._home = folder / "home"
        self._log = logs / "import.log"
        self._environment = os.environ | {
            **served.environment,
            "OME_HOME": str(self._home),
            "OME_DISK_RESERVE": "1Mi",
            "OME_BACKOFF_SECONDS": "0.01",
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(logs / "hf"),
        }

    def run(self, count: int, says: Callable[[str], None] = lambda _: None) -> Tally:
        """Kill so many times, then import to the end and check all; every finding is an AssertionError."""
        runs = self._undisturbed_runs()
        while len(self.tally.kills) < count:
            self._begin_round()
            sent = self._sent()
            for model, run in zip(self._served.models, runs, strict=True):
                refused = 0
                while True:
                    is_enough = len(self.tally.kills) >= count
                    moment = TO_THE_END if is_enough else choose(self._chance, run, self._kinds)
                    ended = self._attempt(model, moment)
                    if ended == "imported":
                        if moment.kind == "end" and not is_enough:
                            self._cut_at_end(model)
                        break
                    refused = refused + 1 if ended == "refused" else 0
                    assert refused <= REFUSALS, f"{model.name} is damaged again and again:\n{self._log.read_text()}"
                    self.tally.refused += ended == "refused"
                    self._check_visible(model)
                self._whole[model.name] = model.files
                self._check_visible(model)
            self._check_sound()
            self.tally.rounds += 1
            self.tally.sent += self._sent() - sent
            self.tally.needed += sum(model.fetched_bytes for model in self._served.models)
            says(f"{len(self.tally.kills)} kills, {self.tally.share_kept:.4%} kept")
        return self.tally

    def _attempt(self, model: ServedModel, moment: Moment) -> str:
        """Import until the moment, or to the end: "imported", "killed" or "refused"."""
        order = self._order(model, moment)
        there, sent = bytes_in_store(self._root), settled(self._served.hub)
        with start_command(order) if moment.kind == "command" else start(attempt, order) as victim:
            if not self._reaches(victim, moment, sent) or not victim.stop():
                return self._end_of(victim, model)
            written = self._before_kill(victim, self._chance)
            fetched = fetched_until_now(self._served.hub) - sent
        self._served.hub.set_faults()
        self._after_kill()
        stopped = self._log.with_suffix(".stop")
        before = stopped.read_text() if stopped.exists() else ""
        kept = bytes_in_store(self._root) - there
        self.tally.kills.append(Kill(moment.kind, before, model.name, fetched, kept, written))
        return "killed"

    def _cut_at_end(self, model: ServedModel) -> None:
        self._after_kill()
        self.tally.kills.append(Kill("end", "", model.name, 0, 0))

    def _reaches(self, victim: Victim, moment: Moment, sent: int) -> bool:
        """Wait for the moment; False when the process has ended before it."""
        match moment.kind:
            case "end":
                return victim.wait_until(lambda: False)
            case "step" | "write":
                return victim.wait_until(victim.is_stopped)
            case "bytes":
                return victim.wait_until(lambda: self._sent() - sent >= moment.at)
            case "time" | "command":
                return not victim.has_ended(moment.at)

    def _end_of(self, victim: Victim, model: ServedModel) -> str:
        if victim.code_at_end() == 0:
            return "imported"
        said = self._log.read_text()
        assert "IntegrityError" in said or "error (integrity)" in said, f"{model.name} failed:\n{said}"
        return "refused"

    def _order(self, model: ServedModel, moment: Moment = TO_THE_END) -> Order:
        uri = model.uri or f"local://{self._local(model)}"
        for left in (".stop", ".counts"):
            self._log.with_suffix(left).unlink(missing_ok=True)
        return Order(uri, model.name, self._environment, self._log, moment.stop)

    def _local(self, model: ServedModel) -> Path:
        """The model's folder of this machine, as somebody copied it there a moment ago."""
        place = self._folder / model.name
        if not place.exists() or contents(place) != model.files:
            shutil.rmtree(place, ignore_errors=True)
            for path, content in model.files.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_bytes(content)
        return place

    def _undisturbed_runs(self) -> list[Run]:
        """Import each model once as it is, and `ome import` the first."""
        runs, command_seconds = [], 0.0
        self._begin_round()
        if "command" in self._kinds:
            began = time.monotonic()
            self._run_to_end(start_command(self._order(self._served.models[0])))
            command_seconds = time.monotonic() - began
            self._begin_round()
        for model in self._served.models:
            order, began, sent = self._order(model), time.monotonic(), self._sent()
            self._run_to_end(start(attempt, order))
            seconds = time.monotonic() - began
            assert self._served.hub.ledger.wait_for_bytes(sent + model.fetched_bytes)
            changes = json.loads(self._log.with_suffix(".counts").read_text())
            runs.append(Run(changes, model.fetched_bytes, seconds, command_seconds))
            self._whole[model.name] = model.files
            self._check_visible(model)
        return runs

    def _begin_round(self) -> None:
        for left in (self._home, *(self._folder / model.name for model in self._served.models)):
            shutil.rmtree(left, ignore_errors=True)
        self._whole.clear()
        self._root.mkdir(parents=True)
        sync_folder(self._root)  # or a power cut would bring the last round's models back

    @property
    def _root(self) -> Path:
        return self._home / "models"

    def _sent(self) -> int:
        return self._served.hub.ledger.counts().total_bytes

    def _check_visible(self, importing: ServedModel) -> None:
        """Every folder is whole, as it was or as it is to be; those of imports that had ended are there."""
        seen = {path.name: contents(path) for path in self._root.iterdir() if path.name != ".ome"}
        for name, files in seen.items():
            allowed = [self._whole.get(name), importing.files if importing.name == name else None]
            assert files in allowed, f"{name} is visible with {_differing(files, allowed)}"
            assert read_marker(self._root / name) is not None, f"{name} is visible without its marker"
        gone = self._whole.keys() - seen.keys()
        assert not gone, f"the imports of {gone} had ended, and their folders are gone"

    def _check_sound(self) -> None:
        """All there is has its digest."""
        self._run_to_end(start(check, self._order(self._served.models[0])))

    def _run_to_end(self, process: Victim) -> None:
        with process:
            assert process.code_at_end() == 0, self._log.read_text()


def _differing(files: Mapping[str, bytes], allowed: list[Mapping[str, bytes] | None]) -> str:
    """In which files a folder differs from the nearest of what it may hold."""
    found = [
        sorted(path for path in files.keys() | whole.keys() if files.get(path) != whole.get(path))
        for whole in allowed
        if whole is not None
    ]
    return f"other bytes in {min(found, key=len)}" if found else "no import of it"
