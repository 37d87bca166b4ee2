"""The CustomResourceDefinitions of the eight kinds, as the installer applies them and `crds/manifests` keeps them.

`definitions` makes them from the types; `python -m crds` writes them as files.
"""

from typing import Any

from crds.columns import COLUMNS
from crds.kinds import KINDS, Kind
from crds.metadata import GROUP, VERSION
from crds.schema import structural_schema

CATEGORY = "ome"
"""`kubectl get ome` lists the objects of every kind."""


def definitions() -> list[dict[str, Any]]:
    """All definitions, in the order of `KINDS`."""
    return [definition_of(kind) for kind in KINDS.values()]


def definition_of(kind: Kind) -> dict[str, Any]:
    """The definition of one kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "ome-pipelines"},
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "scope": "Namespaced" if kind.is_namespaced else "Cluster",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [column.to_dict() for column in COLUMNS[kind.name]],
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": structural_schema(kind.type)},
                }
            ],
        },
    }
