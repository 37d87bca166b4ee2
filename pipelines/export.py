"""Every workflow template as a dictionary or as YAML. `ome templates` and the local runner call this."""

from importlib import import_module
from pathlib import Path
from typing import Any

from crds.yaml_text import yaml_text

ORDER = (
    "onboard_model", "import_model", "parse_model", "check_fit", "select_runtime", "deploy_model",
    "benchmark_endpoint", "read_claim", "check_revision", "evict_model", "audit_cache", "ome_steps",
)  # fmt: skip
"""Modules of `pipelines.templates`, in the order in which people should meet them."""


def templates() -> dict[str, dict[str, Any]]:
    """All workflow templates by name, as the dictionaries that Kubernetes takes."""
    built = [import_module(f"pipelines.templates.{module}").build().to_dict() for module in ORDER]
    return {template["metadata"]["name"]: template for template in built}


def to_yaml(template: dict[str, Any]) -> str:
    """One template as YAML text."""
    return yaml_text([template])


def export(folder: Path) -> list[Path]:
    """Write one file a template into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, template in templates().items():
        path = folder / f"{name}.yaml"
        path.write_text(to_yaml(template))
        paths.append(path)
    return paths
