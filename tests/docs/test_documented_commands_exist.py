"""What the pages tell people to type is there: commands, options, make targets, files, kinds, templates."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from crds.kinds import KINDS
from pipelines.command.main import app
from pipelines.export import templates
from pipelines.reference.uses import USES
from steps.contract import find_step, read_inputs
from tests.docs.documented import PAGES, REPOSITORY, Command, commands

MAIN = typer.main.get_command(app)
BUILT_IN = {
    "all", "bmj", "clusterrole", "clusterrolebinding", "configmap", "configmaps", "crd", "deployment",
    "events", "lease", "namespace", "nodes", "ome", "pods", "role", "rolebinding", "secret", "service",
    "serviceaccount", "token", "workflows", "cronworkflows",
}  # fmt: skip
ALL = templates()


@pytest.mark.parametrize("command", commands("ome"), ids=str)
def test_a_command_of_ome_has_these_options(command: Command) -> None:
    found: Any = MAIN
    rest = list(command.words[1:])
    while hasattr(found, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in found.commands, f"{command}: there is no {rest[0]}"
        found = found.commands[rest.pop(0)]
    known = {name for each in found.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
    assert set(command.options()) <= known, command


@pytest.mark.parametrize("command", commands("make"), ids=str)
def test_a_make_target_is_there(command: Command) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    wanted = {word for word in command.words[1:] if re.fullmatch(r"[a-z-]+", word)}
    assert wanted <= targets, command


@pytest.mark.parametrize("command", [*commands("kubectl"), *commands("helm"), *commands("sed")], ids=str)
def test_files_that_a_command_names_are_there(command: Command) -> None:
    named = [word for word in command.words if re.match(r"(examples|controller|crds|docs)/", word)]
    for name in [*named, *(value for value in command.values("-f", "-k") if "/" in value)]:
        path = REPOSITORY / name
        assert path.exists(), command
        assert "-k" not in command.words or (path / "kustomization.yaml").is_file(), command


@pytest.mark.parametrize("command", commands("kubectl"), ids=str)
def test_kubectl_is_asked_for_kinds_that_there_are(command: Command) -> None:
    ours = {name for each in KINDS.values() for name in (each.singular, each.plural, *each.short_names)}
    verbs = ("get", "describe", "delete", "annotate", "patch", "create", "wait", "port-forward", "logs")
    if command.words[1:2] and command.words[1] in verbs:
        place = re.compile(r"[a-z,]+(/[-\w]+)?")
        nouns = [word for word in command.words[2:4] if place.fullmatch(word) and not word.startswith("-")][:1]
        for noun in nouns[0].partition("/")[0].split(",") if nouns else ():
            assert noun in ours | BUILT_IN or command.words[1] == "logs", command


@pytest.mark.parametrize("command", commands("argo"), ids=str)
def test_argo_is_given_a_template_that_there_is_and_parameters_that_it_has(command: Command) -> None:
    assert command.words[1] == "submit", f"{command}: nothing here checks this command of argo"
    (source,) = command.values("--from")
    kind, _, name = source.partition("/")
    assert kind == "workflowtemplate" and name in ALL, command
    known = {each["name"] for each in ALL[name]["spec"]["arguments"]["parameters"]}
    given = command.values("-p", "--parameter")
    assert all("=" in each for each in given), command
    assert {each.partition("=")[0] for each in given} <= known, command


@pytest.mark.parametrize("command", commands("python"), ids=str)
def test_a_module_that_is_run_is_there(command: Command) -> None:
    assert find_spec(command.words[2]) or command.words[2] == "pip", command  # which uv puts into no environment


def test_a_program_that_no_page_names_is_not_held_to_be_checked() -> None:
    with pytest.raises(LookupError, match="no page has a command of awk"):
        commands("awk")


@pytest.mark.parametrize("name", USES)
def test_the_example_of_a_pipeline_is_understood_by_its_steps(name: str) -> None:
    (entrypoint,) = ALL[name]["spec"]["templates"]
    declared = {each["name"]: each for each in ALL[name]["spec"]["arguments"]["parameters"]}
    use = USES[name]
    assert set(use.arguments) <= set(declared)
    values = {key: each["value"] for key, each in declared.items()} | dict(use.arguments)
    for task in entrypoint["dag"]["tasks"]:
        given = {p["name"]: _value(p["value"], values) for p in task["arguments"]["parameters"]}
        read_inputs(find_step(task["templateRef"]["template"]), {k: v for k, v in given.items() if v is not None})


def test_every_pipeline_says_how_it_is_run() -> None:
    assert [*USES] == [name for name in ALL if name != "ome-steps"]


def test_files_that_pipelines_are_explained_with_are_there() -> None:
    for use in USES.values():
        for link in re.findall(r"\]\(\.\./([^)]+)\)", use.resource):
            assert list(yaml.safe_load_all((REPOSITORY / link).read_text())), link


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if re.match(r"https?:", file):
            continue
        path = (REPOSITORY / page).parent / file if file else REPOSITORY / page
        assert path.exists(), f"{page}: {target}"
        assert not anchor or anchor in _anchors(path), f"{page}: {target}"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _value(text: str, values: dict[str, str]) -> str | None:
    """A task's argument when it comes from the workflow's parameters alone; None when a task gives it."""
    found = re.fullmatch(r"\{\{workflow\.parameters\.([-\w]+)\}\}", text)
    return values[found[1]] if found else None
