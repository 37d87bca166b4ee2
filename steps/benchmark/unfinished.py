"""Finished cells of a benchmark that is still running or was interrupted, so that a rerun measures only the rest.

Called by `steps.benchmark_endpoint`, under the endpoint's lock. Cells are kept by the identity of the benchmark
(`steps.benchmark.plan.identity`) and for a day: numbers of different days do not belong into one table. A pod's folder
goes with it, so that there they are kept with the workflow too.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from steps.benchmark.cells_on_cluster import CellsOnCluster
from steps.benchmark.plan import Cell
from steps.benchmark.records import CellRecords
from steps.cluster.pod import is_on_cluster, workflow_name
from steps.home import part, write_atomically

KEPT_SECONDS: Final = 24 * 3600.0
FORGOTTEN_SECONDS: Final = 7 * KEPT_SECONDS


class UnfinishedBenchmark:
    """The folder `reports/.unfinished/<name>-<identity>`."""

    def __init__(self, name: str, identity: str, clock: Callable[[], float] = time.time) -> None:
        self.folder: Path = part("reports") / ".unfinished" / f"{name}-{identity}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._on_cluster = CellsOnCluster(identity) if is_on_cluster() and workflow_name() else None
        self._forget_the_abandoned()

    def load(self, cells: Sequence[Cell]) -> dict[Cell, CellRecords]:
        """The cells that an earlier attempt finished within the last day."""
        found = self._on_cluster.load(cells) if self._on_cluster else {}
        for cell in cells:
            path = self._path(cell)
            try:
                if self._clock() - path.stat().st_mtime <= KEPT_SECONDS:
                    found[cell] = CellRecords.model_validate_json(path.read_bytes())
            except (FileNotFoundError, ValidationError):
                continue
        return found

    def save(self, cell: Cell, records: CellRecords, *, is_last: bool = False) -> None:
        """Keep a finished cell; the report comes right after the last one."""
        write_atomically(self._path(cell), records.model_dump_json(by_alias=True).encode())
        if self._on_cluster and not is_last:
            self._on_cluster.save(cell, records)

    def discard(self) -> None:
        """Forget all cells: the report is written."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._on_cluster:
            self._on_cluster.discard()

    def _forget_the_abandoned(self) -> None:
        """Remove what no rerun came back for; a running benchmark touches its folder far more often than that."""
        for folder in self.folder.parent.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if self._clock() - folder.stat().st_mtime > FORGOTTEN_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.key}.json"
