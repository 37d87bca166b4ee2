"""Finished cells of a benchmark in a pod, kept with its workflow: the pod's folder goes with the pod.

Called by `steps.benchmark.unfinished`. A step whose pod was taken away is tried again in the same workflow and goes on
with them; a workflow of its own measures everything itself, so that no firing of a schedule takes another's numbers.
"""

import base64
import gzip
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pydantic import ValidationError

from crds.labels import PART_OF, PRODUCT
from steps.benchmark.plan import Cell
from steps.benchmark.records import CellRecords
from steps.cluster.api import open_api
from steps.cluster.pod import owner_references, system_namespace, workflow_name
from steps.cluster.refusals import ConflictError
from steps.cluster.resource_types import CONFIG_MAP
from steps.errors import OmeError

LARGEST: Final = 900 << 10
"""Bytes of all cells, compressed; a ConfigMap takes 1 MiB in base64."""


class CellsOnCluster:
    """The ConfigMap `cells-<workflow>`, which belongs to the workflow. What cannot be kept is said and measured again.

    Args:
        identity: Of the benchmark; cells of another are left alone.
    """

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._name = f"cells-{workflow_name()}"
        self._bytes = 0
        self._is_there = False
        # Beside the loop that reads genai-bench's output: an API server that is slow must not hold the load up.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keep-cells")

    def load(self, cells: Sequence[Cell]) -> dict[Cell, CellRecords]:
        """The cells that an earlier attempt of this step finished."""
        try:
            stored = open_api().find(CONFIG_MAP, self._name, system_namespace())
        except OmeError as error:
            _tell("finished cells cannot be looked up", error)
            return {}
        self._is_there = stored is not None
        kept: dict[str, str] = (stored or {}).get("binaryData") or {}
        self._bytes = sum(map(len, kept.values())) * 3 // 4
        found: dict[Cell, CellRecords] = {}
        for cell in cells:
            try:
                found[cell] = CellRecords.model_validate_json(gzip.decompress(base64.b64decode(kept[self._key(cell)])))
            except (KeyError, OSError, EOFError, ValueError, ValidationError):
                continue
        return found

    def save(self, cell: Cell, records: CellRecords) -> None:
        """Keep a finished cell; returns at once, and what is under way is done before the step ends."""
        packed = gzip.compress(records.model_dump_json(by_alias=True).encode(), mtime=0)
        if self._bytes + len(packed) > LARGEST:
            sys.stderr.write(f"{cell.key} is not kept: {len(packed)} bytes more than the {LARGEST} of a ConfigMap\n")
            return
        self._bytes += len(packed)
        self._writer.submit(self._write, {self._key(cell): base64.b64encode(packed).decode()})

    def discard(self) -> None:
        """Forget all cells: the report is written."""
        self._writer.shutdown()
        if self._is_there:
            self._write(None)

    def _write(self, data: dict[str, str] | None) -> None:
        namespace = system_namespace()
        metadata: dict[str, Any] = {
            "name": self._name,
            "namespace": namespace,
            "labels": {PART_OF: PRODUCT},
            "ownerReferences": owner_references(),
        }
        api, body = open_api(), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": data}
        try:
            if not self._is_there:
                try:
                    api.create(CONFIG_MAP, body)
                except ConflictError:  # of this very request, unanswered
                    api.patch(CONFIG_MAP, self._name, namespace, {"binaryData": data})
                self._is_there = True
            else:
                api.patch(CONFIG_MAP, self._name, namespace, {"binaryData": data})
        except OmeError as error:
            _tell("a finished cell is not kept" if data else "cells that are not needed any more stay", error)

    def _key(self, cell: Cell) -> str:
        return f"{self._identity}.{cell.key}.json.gz"


def _tell(what: str, error: OmeError) -> None:
    sys.stderr.write(f"{what}: {error.message}\n  {error.remedy}\n")
