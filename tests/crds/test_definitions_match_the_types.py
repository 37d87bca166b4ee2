"""The definitions that are checked in are those of the types, and have what every kind must have."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from crds.columns import COLUMNS
from crds.definition import definitions
from crds.kinds import KINDS
from crds.manifest_files import FOLDER, files, write
from crds.rules import FIELD_RULES, RULES

Schema = dict[str, Any]
DEFINITIONS = {each["spec"]["names"]["kind"]: each for each in definitions()}
_LARGEST_FOR_KUBECTL = 262_144


def _schema(kind: str) -> Schema:
    found: Schema = DEFINITIONS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(key), dict):
            yield from _nodes(schema[key], path + mark)


def test_files_are_those_of_the_types() -> None:
    if os.environ.get("OME_REGENERATE"):
        write()
    kept = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert kept.keys() == files().keys(), "run `python -m crds`"
    for name, text in files().items():
        assert kept[name] == text, f"{name} is not what the types say: run `python -m crds`"


def test_files_are_the_same_in_another_process() -> None:
    program = "import hashlib, crds.manifest_files as m; print(hashlib.sha256(repr(m.files()).encode()).hexdigest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_kustomization_names_every_file() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "kustomization.yaml"]) == sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_names_a_category_columns_and_a_status(kind: str) -> None:
    spec = DEFINITIONS[kind]["spec"]
    (version,) = spec["versions"]
    assert (spec["group"], version["name"]) == ("ome.io", "v1beta1")
    assert (spec["names"]["categories"], spec["names"]["shortNames"]) == (["ome"], list(KINDS[kind].short_names))
    assert spec["scope"] == ("Namespaced" if KINDS[kind].is_namespaced else "Cluster")
    assert version["subresources"] == {"status": {}}
    assert [column["name"] for column in version["additionalPrinterColumns"]][-1] == "Age"
    assert len({column.name for column in COLUMNS[kind]}) == len(COLUMNS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_columns_show_fields_that_exist(kind: str) -> None:
    known = {path for path, _ in _nodes(_schema(kind))}
    for column in COLUMNS[kind]:
        first = column.path.partition("[")[0]
        is_open = ".traffic" in first or ".components." in first or ".containers" in first
        assert is_open or first.startswith(".metadata") or first in known, column


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_filled_in_and_everything_is_explained(kind: str) -> None:
    for path, schema in _nodes(_schema(kind)):
        assert not schema.keys() & {"default", "title", "$ref", "anyOf", "allOf", "oneOf", "not"}, path
        assert "type" in schema or schema.keys() & {
            "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
        }, path  # fmt: skip
    assert _schema(kind)["properties"]["spec"]["description"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_can_be_applied_by_plain_kubectl(kind: str) -> None:
    """`kubectl apply` keeps the whole object in an annotation, which may have 256 KiB."""
    assert len(json.dumps(DEFINITIONS[kind])) < _LARGEST_FOR_KUBECTL * 0.9


def test_docstrings_explain_fields() -> None:
    storage = _schema("BaseModel")["properties"]["spec"]["properties"]["storage"]["properties"]
    assert storage["path"]["description"] == 'Folder on the node; "" for the default under the models root.'
    engine = _schema("InferenceService")["properties"]["spec"]["properties"]["engine"]["properties"]
    assert engine["minReplicas"]["description"] == "0 allows scale to zero; None is OME's default of 1."


def test_every_rule_is_in_a_definition() -> None:
    used = {
        rule["rule"]
        for kind in KINDS
        for _, schema in _nodes(_schema(kind))
        for rule in schema.get("x-kubernetes-validations", [])
    }
    written = {rule.holds for rules in (*RULES.values(), *FIELD_RULES.values()) for rule in rules}
    assert written == used


@pytest.mark.parametrize("owner, name", FIELD_RULES, ids=lambda value: getattr(value, "__name__", value))
def test_rules_of_fields_name_fields_that_exist(owner: Any, name: str) -> None:
    assert name.removesuffix("[]") in owner.json_names()


def test_status_holds_what_we_add() -> None:
    def status(kind: str) -> Schema:
        found: Schema = _schema(kind)["properties"]["status"]["properties"]
        return found

    for kind in KINDS:
        assert status(kind).keys() >= {"conditions", "observedGeneration", "workflow"}, kind
    assert status("ClusterBaseModel").keys() >= {"artifact", "progress", "state", "nodesReady", "nodesFailed"}
    assert status("InferenceService").keys() >= {"selection", "url", "components", "modelStatus"}
    assert status("BenchmarkJob").keys() >= {"results", "verdict", "history", "reportUri", "state"}
