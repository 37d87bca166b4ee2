"""The three small languages inside workflow templates, parsed and never executed as code.

- `depends`: task results with `&&`, `||`, `!` ("fetch.Succeeded && !(check.Failed)").
- `when`: comparisons of text after substitution, as govaluate reads them in Argo ("yes == yes", "'a b' != ''").
- conditions: the part of expr-lang that retry expressions and exit hooks need ("asInt(lastRetry.exitCode) in [13]").

The local runner calls these; `expression_syntax` has the grammar.
"""

from collections.abc import Callable, Mapping

from pipelines.runner.expression_syntax import Call, Constant, ListOf, Node, Operation, Reference, parse, walk
from steps.errors import InvalidInputError, UnsupportedError

Value = str | float | bool | list["Value"]


def depends_names(text: str) -> list[str]:
    """The tasks that a `depends` expression speaks of, each once, in order."""
    found = [part.name.partition(".")[0] for part in walk(parse(text, "depends")) if isinstance(part, Reference)]
    return list(dict.fromkeys(found))


def evaluate_depends(text: str, has_result: Callable[[str, str], bool]) -> bool:
    """Whether a `depends` expression holds.

    Args:
        text: The expression.
        has_result: Answers whether a task has a result of `RESULTS`. A bare task name is asked as `""`, which the
            caller answers as Argo does: succeeded, skipped, or failed where the task says to continue.
    """

    def holds(node: Node) -> bool:
        if isinstance(node, Reference):
            task, _, result = node.name.partition(".")
            return has_result(task, result)
        if isinstance(node, Operation) and node.operator == "!":
            return not holds(node.operands[0])
        if isinstance(node, Operation):
            return (all if node.operator == "&&" else any)(holds(o) for o in node.operands)
        raise InvalidInputError(f'depends "{text}": only task results are accepted')

    return holds(parse(text, "depends"))


def evaluate_when(text: str) -> bool:
    """Whether a `when` expression holds, its references already replaced. Bare words are text; "1" is not 1.

    Raises:
        InvalidInputError: names the expression.
    """
    return _as_bool(_evaluate(parse(text, "when"), None, text), text)


def evaluate_condition(text: str, scope: Mapping[str, str]) -> bool:
    """Whether a retry expression or hook condition holds; names come from `scope`, whose values are text.

    Raises:
        InvalidInputError: names the expression and what is unknown in it.
    """
    return _as_bool(_evaluate(parse(text, "condition"), scope, text), text)


def condition_names(text: str) -> list[str]:
    """The names that a condition refers to, for checks before anything runs."""
    nodes = list(walk(parse(text, "condition")))
    for node in nodes:
        if isinstance(node, Call) and node.function not in ("asInt", "asFloat"):
            raise UnsupportedError(f'expression "{text}": function {node.function} is not supported on one machine')
    return list(dict.fromkeys(node.name for node in nodes if isinstance(node, Reference)))


def _as_bool(value: Value, text: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInputError(f'expression "{text}": gives {value!r}, which is neither true nor false')
    return value


def _evaluate(node: Node, scope: Mapping[str, str] | None, text: str) -> Value:
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Reference):
        if scope is None:
            return node.name
        if node.name not in scope:
            raise InvalidInputError(f'expression "{text}": {node.name} is unknown')
        return scope[node.name]
    if isinstance(node, ListOf):
        return [_evaluate(item, scope, text) for item in node.items]
    if isinstance(node, Call):
        return _call(node, [_evaluate(argument, scope, text) for argument in node.arguments], text)
    if node.operator == "!":
        return not _as_bool(_evaluate(node.operands[0], scope, text), text)
    if node.operator in ("&&", "||"):
        stops_at = node.operator == "||"
        for operand in node.operands:
            if _as_bool(_evaluate(operand, scope, text), text) is stops_at:
                return stops_at
        return not stops_at
    left, right = (_evaluate(operand, scope, text) for operand in node.operands)
    return _compare(node.operator, left, right, text)


def _call(node: Call, arguments: list[Value], text: str) -> Value:
    if node.function not in ("asInt", "asFloat") or len(arguments) != 1:
        raise UnsupportedError(f'expression "{text}": {node.function} is not supported on one machine')
    try:
        return float(str(arguments[0])) if node.function == "asFloat" else float(int(str(arguments[0])))
    except ValueError:
        raise InvalidInputError(f'expression "{text}": {arguments[0]!r} is not a number') from None


def _compare(operator: str, left: Value, right: Value, text: str) -> bool:
    if operator in ("==", "!="):
        is_equal = type(left) is type(right) and left == right
        return is_equal if operator == "==" else not is_equal
    if operator in ("in", "not in"):
        if not isinstance(right, list):
            raise InvalidInputError(f'expression "{text}": "in" needs a list at its right')
        return (left in right) is (operator == "in")
    if isinstance(left, str) and isinstance(right, str):
        if operator == "startsWith":
            return left.startswith(right)
        return _ordered(operator, left < right, left == right)
    if isinstance(left, float) and isinstance(right, float) and operator != "startsWith":
        return _ordered(operator, left < right, left == right)
    raise InvalidInputError(f'expression "{text}": cannot compare {left!r} {operator} {right!r}')


def _ordered(operator: str, is_less: bool, is_equal: bool) -> bool:
    answers = {"<": is_less, "<=": is_less or is_equal, ">": not (is_less or is_equal), ">=": not is_less}
    return answers[operator]
