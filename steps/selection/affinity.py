"""Kubernetes' rules for which nodes a selector or a node affinity picks. `accelerators` calls it.

As the scheduler has them: terms are alternatives, the expressions of one term all hold, and a node without the label
satisfies NotIn and DoesNotExist.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def matches_selector(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pair of the selector is on the node."""
    return all(labels.get(key) == value for key, value in selector.items())


def matches_affinity(affinity: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    """Whether a node satisfies the required node affinity of a core Affinity object; preferences refuse nothing.

    Args:
        affinity: A core/v1 Affinity as a dictionary; empty for none.
        name: The node's name, for `matchFields`.
        labels: The node's labels.
    """
    node_affinity = affinity.get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    # No terms, like an empty term, match no node: the API's own rule.
    return any(_matches_term(term, name, labels) for term in required.get("nodeSelectorTerms") or ())


def _matches_term(term: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    expressions: Sequence[Mapping[str, Any]] = term.get("matchExpressions") or ()
    fields: Sequence[Mapping[str, Any]] = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(matches_expression(e, labels) for e in expressions) and all(
        matches_expression(f, {"metadata.name": name}) for f in fields
    )


def matches_expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One `{key, operator, values}`. An unknown operator matches nothing."""
    key, values = expression.get("key", ""), [str(v) for v in expression.get("values") or ()]
    value = labels.get(key)
    match expression.get("operator"):
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or len(values) != 1:
                return False
            try:
                left, right = int(value), int(values[0])
            except ValueError:
                return False
            return left > right if operator == "Gt" else left < right
        case _:
            return False
