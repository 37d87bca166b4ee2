"""The runtimes and accelerator classes that every home starts with: those of `examples/`.

What a user edits or deletes stays so; what a newer version brings is added, and what nobody edited is renewed.
"""

import hashlib
import json
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml
from filelock import FileLock

from steps.home import home, part, write_atomically
from steps.resources import ResourceFolder

_FOLDERS = ("accelerators", "runtimes")


def seed_catalogue() -> None:
    """Bring the home's runtimes and accelerator classes up to this version's."""
    record = home() / "resources" / ".catalogue.json"
    resources = ResourceFolder()
    with FileLock(part("locks") / "catalogue.lock"):
        given: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
        before = dict(given)
        for example in _examples():
            for resource in yaml.safe_load_all(example.read_text()):
                key = f"{resource['kind']}/{resource['metadata']['name']}"
                digest = _digest(resource)
                if given.get(key) == digest:
                    continue
                there = resources.find(resource["kind"], resource["metadata"]["name"])
                if key not in given or (there is not None and _digest(there) == given[key]):
                    resources.apply(resource)
                given[key] = digest
        if given != before:
            write_atomically(record, json.dumps(given, indent=1).encode())


def _examples() -> list[Traversable]:
    root = files("examples")
    found = [entry for folder in _FOLDERS for entry in (root / folder).iterdir() if entry.name.endswith(".yaml")]
    return sorted(found, key=lambda entry: entry.name)


def _digest(resource: dict[str, object]) -> str:
    kept = {key: value for key, value in resource.items() if key != "status"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
