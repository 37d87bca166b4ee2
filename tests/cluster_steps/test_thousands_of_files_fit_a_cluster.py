"""A model of ten thousand files fits what Kubernetes and Argo take; a hundred thousand are refused with numbers."""

import hashlib
import json

import pytest

from steps.cluster import manifests
from steps.errors import UnsupportedError
from steps.manifest import FileEntry, Manifest
from steps.manifest_store import save_manifest
from steps.sources.listing import MOST_LEFT_OUT, keep_files
from steps.sources.source import ResolveOptions
from tests.cluster_steps.cluster import Cluster, unpacked
from tests.cluster_steps.models import CONFIG

FILES = 10_000
SHARDS = 9_000
KIB = 1024
CONFIG_MAP_BYTES = 1024 * KIB
"""The API server's limit of a ConfigMap's values; etcd takes requests of 1.5 MiB."""
PARAMETER_BYTES = 128 * KIB
"""Linux's limit of an argument or a variable of a process; Argo's of an output parameter is twice that."""


def names() -> list[str]:
    """Paths as large repositories have them: shards, and small files in folders."""
    shards = [f"pytorch_model-{number:05}-of-{SHARDS:05}.bin" for number in range(1, SHARDS + 1)]
    voices = [f"languages/{('de', 'en', 'fr', 'it')[n % 4]}/voices/speaker-{n:04}/style.json" for n in range(FILES)]
    return ["config.json", *shards, *voices[: FILES - SHARDS - 1]]


def test_ten_thousand_files_are_handed_on_within_every_limit(cluster: Cluster) -> None:
    files = {path: f"the content of {path}".encode() for path in names()} | {
        "config.json": json.dumps(CONFIG).encode()
    }
    cluster.hub.add("acme/many", files)
    resolved = cluster.run("resolve-model", uri="hf://acme/many")
    assert resolved.code == 0, resolved.log
    digest = resolved.outputs["manifest"]
    stored = cluster.config_map(f"manifest-{digest[:12]}")
    entries = unpacked(stored, "manifest.json.gz")["files"]
    assert len({entry["digest"] for entry in entries}) == len(entries) == int(resolved.outputs["file_count"]) == FILES
    assert size({**stored["data"], **stored["binaryData"]}) < CONFIG_MAP_BYTES, "in base64, which counts a third more"
    assert size(stored) < CONFIG_MAP_BYTES

    parsed = cluster.run("parse-model", manifest=digest)
    assert parsed.code == 0, parsed.log
    assert json.loads(parsed.outputs["facts"])["weightFiles"][0] == f"pytorch_model-00001-of-{SHARDS:05}.bin"
    assert size(cluster.config_map(f"facts-{digest[:12]}")) < CONFIG_MAP_BYTES
    for name, value in (resolved.outputs | parsed.outputs).items():
        assert size(value) < PARAMETER_BYTES, name


def many(count: int) -> list[FileEntry]:
    """Entries with digests and names that nothing compresses well."""
    return [
        FileEntry(path=f"data/{digest[:12]}/part-{number:06}.json", size=number, algorithm="sha256", digest=digest,
                  location=f"/acme/many/resolve/{'c' * 40}/data/{digest[:12]}/part-{number:06}.json")
        for number in range(count)
        for digest in [hashlib.sha256(str(number).encode()).hexdigest()]
    ]  # fmt: skip


def test_a_hundred_thousand_files_are_refused_in_numbers_and_fewer_of_them_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    listing = many(100_000)
    with pytest.raises(UnsupportedError) as caught:
        save_manifest(Manifest(uri="hf://acme/many", revision="c" * 40, files=tuple(listing)))
    caught.match(r"the manifest \w{12} of 100000 files has \d{7} bytes compressed, and a ConfigMap holds \d{7}$")
    assert "ignore_patterns" in caught.value.remedy
    kept = keep_files("hf://acme/many", listing, ResolveOptions(ignore_patterns=("data/?[1-9a-f]*",)))
    chosen = Manifest(uri="hf://acme/many", revision="c" * 40, files=kept.files, left_out=kept.left_out)
    assert 1000 < len(chosen.files) < FILES
    assert chosen.left_out[-1].path == f"and {len(listing) - len(chosen.files) - MOST_LEFT_OUT} more"
    assert chosen.total_bytes + sum(left.size for left in chosen.left_out) == sum(file.size for file in listing)
    assert manifests.packed("manifest", chosen.digest, chosen.model_dump_json(by_alias=True).encode())


def size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())
