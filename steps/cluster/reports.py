"""A benchmark's report as a ConfigMap, because the folder it was written to goes with its pod.

Called by `steps.benchmark_endpoint` on a cluster, and by `steps.upload_report` after it. The ConfigMap belongs to the
workflow and goes with it.
"""

import base64
import gzip
import sys
from collections.abc import Mapping
from typing import Any, Final

from crds.labels import PART_OF, PRODUCT, label_value
from steps.cluster.api import open_api
from steps.cluster.pod import owner_references, system_namespace, workflow_name
from steps.cluster.refusals import ConflictError
from steps.cluster.resource_types import CONFIG_MAP

REPORT: Final = "ome.io/report"
"""Label of a report's ConfigMap: the benchmark's name."""
LARGEST: Final = 900 << 10
KEPT: Final = ("report.html", "results.json")
"""The page first: it has all figures, and the other only adds every single request."""


def keep_report(name: str, files: Mapping[str, str]) -> str:
    """Store what fits of a report's page and results; where, as `configmap/<name>`, or "" when nothing fits.

    Args:
        name: Of the benchmark.
        files: The report's files by name.
    """
    kept, left_out = choose_files(files)
    for file, size in left_out.items():
        sys.stderr.write(f"{file} is not kept: {size} bytes compressed, and a ConfigMap of a report takes {LARGEST}\n")
    if not kept or not workflow_name():
        return ""
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"report-{workflow_name()}",
            "namespace": system_namespace(),
            "labels": {PART_OF: PRODUCT, REPORT: label_value(name)},
            "ownerReferences": owner_references(),
        },
        "binaryData": {f"{file}.gz": base64.b64encode(packed).decode() for file, packed in kept.items()},
    }
    api = open_api()
    try:
        api.create(CONFIG_MAP, body)
    except ConflictError:  # an earlier attempt of this step, or of this very request
        patch = {"binaryData": {f"{file}.gz": None for file in KEPT} | body["binaryData"]}
        api.patch(CONFIG_MAP, body["metadata"]["name"], body["metadata"]["namespace"], patch)
    return f"configmap/{body['metadata']['name']}"


def read_report(name: str) -> dict[str, str]:
    """The files that a report's ConfigMap holds, by name.

    Raises:
        NotFoundError: when it is not there.
    """
    held = open_api().get(CONFIG_MAP, name, system_namespace()).get("binaryData") or {}
    packed = {file: base64.b64decode(held[f"{file}.gz"]) for file in KEPT if f"{file}.gz" in held}
    return {file: gzip.decompress(content).decode() for file, content in packed.items()}


def choose_files(files: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, int]]:
    """The files to keep, compressed, and the compressed sizes of those there is no room for. Pure."""
    kept: dict[str, bytes] = {}
    left_out: dict[str, int] = {}
    for file in KEPT:
        packed = gzip.compress(files[file].encode(), mtime=0)
        if sum(map(len, kept.values())) + len(packed) <= LARGEST:
            kept[file] = packed
        else:
            left_out[file] = len(packed)
    return kept, left_out
