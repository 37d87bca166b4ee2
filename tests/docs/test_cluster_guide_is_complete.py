"""`docs/cluster.md` knows every reason of a condition, every setting, option and metric, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from controller.main import parser
from controller.plans.failures import failure
from controller.plans.service_components import REASONS
from controller.plans.service_inputs import model_obstacle
from images.catalogue import IMAGES
from pipelines.templates.settings import FROM_SETTINGS
from steps.errors import CLASSES, OmeError

REPOSITORY = Path(__file__).parents[2]
CONTROLLER = sorted((REPOSITORY / "controller").rglob("*.py"))
GUIDE = (REPOSITORY / "docs" / "cluster.md").read_text()
SAID = set(re.findall(r"`([^`\s]+)`", GUIDE))
OF_RUNS = ("deadline", "stopped", "vanished", "pod")
"""Classes of failures that no step tells of."""
REASON_AT = {"Said": 2, "_standing": 2}
"""Where the reason is among the arguments of what makes conditions."""


def test_every_reason_that_a_condition_can_have_is_explained() -> None:
    codes = (*(each.code for each in CLASSES), OmeError.code, *OF_RUNS)
    told = {failure(code, "").reason for code in codes}
    written = {reason for path in CONTROLLER for reason in _reasons(ast.parse(path.read_text()))}
    missing = (told | written | set(REASONS.values())) - SAID
    assert not missing, f"say in docs/cluster.md what to do about {', '.join(sorted(missing))}"


def test_no_reason_is_explained_that_nothing_says() -> None:
    table = GUIDE.partition("| reason | it means | do |")[2].partition("\n\n")[0]
    explained = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    texts = [path.read_text() for path in CONTROLLER]
    assert explained
    assert {name for name in explained if not any(f'"{name}"' in text for text in texts)} == set()


def test_every_setting_and_image_is_there() -> None:
    named = {name for name in FROM_SETTINGS if name != "OME_MODELS_ROOT"}  # `ome install --models-root` sets that one
    assert named <= SAID
    rows = set(re.findall(r"^\| `(ome-[\w-]+)` \|", GUIDE, re.MULTILINE))
    assert rows == {image.name for image in IMAGES}


def test_options_of_the_controller_have_these_defaults() -> None:
    options = {
        f"OME_CONTROLLER_{each.dest.upper()}": each.default
        for each in parser()._actions
        if each.option_strings and each.dest != "help"
    }
    rows = re.findall(r"^\| `(OME_CONTROLLER_\w+)` \| (\S+) \|", GUIDE, re.MULTILINE)
    assert rows
    for name, default in rows:
        assert name in options and str(options[name]).removesuffix(".0") == default, name


def test_metrics_are_those_of_the_controller() -> None:
    text = "".join(path.read_text() for path in CONTROLLER)
    assert set(re.findall(r"`(ome_controller_\w+)`", GUIDE)) == set(re.findall(r'"(ome_controller_\w+)"', text))


def _reasons(tree: ast.AST) -> Iterator[str]:
    """Reasons that stand in the code: of conditions, and of why a model cannot be served."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REASON_AT:
            place = REASON_AT[node.func.id]
            yield from _texts(node.args[place]) if len(node.args) > place else ()
        if isinstance(node, ast.FunctionDef) and node.name == model_obstacle.__name__:
            returned = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
            yield from (text for pair in returned if isinstance(pair, ast.Tuple) for text in _texts(pair.elts[0]))


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be, where they stand there."""
    options = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    yield from (each.value for each in options if isinstance(each, ast.Constant) and isinstance(each.value, str))
