"""Whose files are where, and which models and runs have the same ones: without looking at each of thousands."""

import base64
import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from crds import labels
from tests.controller.engine.held_objects import made, observe, store_of

_PARTS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3)


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.none() | _PARTS), min_size=1, max_size=6),
    st.sampled_from(["/a", "/a/b", "/b/"]),
    _PARTS,
)
def test_models_are_found_by_the_folder_they_are_in(
    models: list[tuple[str, list[str] | None]], root: str, asked: list[str]
) -> None:
    store = store_of()
    folders: dict[str, str] = {}
    for number, (namespace, parts) in enumerate(models):
        name = "ab"[number] if number < 2 else f"m{number}"
        kind = "BaseModel" if namespace else "ClusterBaseModel"
        storage = {"path": "/" + "/".join(parts)} if parts else {}
        observe(store, made(kind, name, number + 1, namespace, spec={"storage": storage}))
        default = "/".join(each for each in (root.rstrip("/"), namespace, name) if each)
        folders[f"{namespace}/{name}"] = storage.get("path", default)
    folder = "/" + "/".join(asked)
    expected = {name for name, path in folders.items() if f"{path}/".startswith(f"{folder}/")}
    found = store.models_in(folder, root)
    assert {f"{m['metadata'].get('namespace', '')}/{m['metadata']['name']}" for m in found} == expected
    assert len(found) == len(expected)


def test_a_model_in_a_claim_is_in_no_folder() -> None:
    store = store_of(made("BaseModel", "m", 1, "x", spec={"storage": {"storageUri": "pvc://claim/m"}}))
    assert store.models_in("/mnt/models/x/m", "/mnt/models") == []


def test_models_and_runs_are_found_by_their_artifact() -> None:
    digest, other = f"sha256:{'a' * 64}", f"sha256:{'a' * 12}{'b' * 52}"
    store = store_of(
        made("ClusterBaseModel", "m", 1, status={"artifact": {"digest": digest}}),
        made("ClusterBaseModel", "alike", 2, status={"artifact": {"digest": other}}),
        made("ClusterBaseModel", "new", 3),
    )
    outputs = {"parameters": [{"name": "manifest", "value": digest}]}
    marks = {"labels": {labels.PIPELINE: "import-model"}}
    nodes = {"r-1": {"displayName": "resolve", "outputs": outputs}, "r-2": {"displayName": "cache"}}
    plain = made("Workflow", "plain", 4, "ome", metadata=marks, status={"nodes": nodes})
    packed = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()
    large = made("Workflow", "large", 5, "ome", metadata=marks, status={"compressedNodes": packed})
    spoilt = made("Workflow", "spoilt", 6, "ome", metadata=marks, status={"compressedNodes": packed[:40]})
    for run in (plain, large, spoilt):
        observe(store, run)
    assert [model["metadata"]["name"] for model in store.models_with(digest)] == ["m"]
    assert [run["metadata"]["name"] for run in store.runs_with(digest)] == ["plain", "large"]
    assert store.runs_with(other) == []
