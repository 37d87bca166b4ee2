"""Plain documents to YAML text, in one style whatever else is loaded: Hera changes PyYAML's own for everybody."""

from collections.abc import Iterable
from typing import Any

import yaml

WIDTH = 119


def yaml_text(documents: Iterable[Any], width: int = WIDTH) -> str:
    """Documents as one text, keys in their order; text of several lines is a block, and nothing is an alias.

    Args:
        documents: Made of what JSON has.
        width: Longest line that is not a block's.
    """
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=width, allow_unicode=True)


class _Plain(yaml.SafeDumper):
    """Writes every value in full."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whether a value that occurs again is written again."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """In quotes what YAML 1.1 calls true or false, and PyYAML does not."""
    style = "|" if "\n" in text else "'" if text in {"y", "Y", "n", "N"} else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _represent_text)
