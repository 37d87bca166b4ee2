"""Placeholders in a container: Kubernetes' `$(VAR)` and OME's `{{.Name}}`.

Pure. Called by `container`, `cluster.environment` and `cluster.spec_digest`. What is unknown stays as it is, so that
nothing is lost in silence and chat templates with braces of their own pass through; values are put in literally, never
HTML-escaped.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

_VARIABLE = re.compile(r"\$\$|\$\(([^)]*)\)")
_OBJECT_FIELD = re.compile(
    r"\{\{-?\s*(?:"
    r"\.(?P<plain>Name|Namespace)"
    r"|\.(?P<map>Labels|Annotations)\.(?P<key>[A-Za-z0-9_]+)"
    r'|index\s+\.(?P<indexed>Labels|Annotations)\s+"(?P<quoted>[^"]+)"'
    r")\s*-?\}\}"
)


def expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """`text` with `$(NAME)` replaced by the variable's value and `$$` by `$`.

    So `$$(NAME)` gives the text `$(NAME)`. An unknown variable stays `$(NAME)`. Values are not expanded again.
    Rule: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (`command`, `args`, `env`).
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else variables.get(name, match[0])

    return _VARIABLE.sub(value_of, text)


def variables_in(text: str) -> frozenset[str]:
    """Names of the variables that `text` refers to."""
    return frozenset(match[1] for match in _VARIABLE.finditer(text) if match[1] is not None)


def object_keys_in(value: Any, holder: Literal["Labels", "Annotations"]) -> frozenset[str]:
    """Keys of a service's labels or annotations that the texts in a value of any shape refer to."""
    if isinstance(value, str):
        found = _OBJECT_FIELD.finditer(value)
        return frozenset(m["key"] or m["quoted"] for m in found if holder in (m["map"], m["indexed"]))
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return frozenset(key for item in items for key in object_keys_in(item, holder))


def fill_object_fields(
    text: str, *, name: str, namespace: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> str:
    """`text` with the service's own fields: `{{.Name}}`, `{{.Namespace}}`, `{{.Labels.key}}`, `{{.Annotations.key}}`.

    Keys with dots or dashes are reached by `{{index .Labels "key"}}`. Anything else in braces stays as it is.
    """
    plain = {"Name": name, "Namespace": namespace}
    maps = {"Labels": labels, "Annotations": annotations}

    def value_of(match: re.Match[str]) -> str:
        if match["plain"]:
            return plain[match["plain"]]
        if match["map"]:
            return maps[match["map"]].get(match["key"], match[0])
        return maps[match["indexed"]].get(match["quoted"], match[0])

    return _OBJECT_FIELD.sub(value_of, text)
