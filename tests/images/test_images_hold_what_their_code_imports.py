"""Each image's lock has every package that its code can import, and its Containerfile keeps to the rules of a pod."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest

from images.catalogue import IMAGES, REPOSITORY, Image, find_image, source_files
from images.environment import BUILD_VARIABLES

OURS = {"crds", "images", "steps", "pipelines", "controller"}
NOT_RUN_THERE = {
    "ome-benchmark": {"model_signing", "oci"},  # it reads no model
    "ome-steps": {"matplotlib", "jinja2", "markupsafe", "tokenizers"},  # only steps/benchmark/ imports these
    "ome-controller": {
        "hera", "typer", "rich", "httpx2", "huggingface_hub", "jinja2", "markupsafe", "matplotlib", "model_signing",
        "obstore",
        "oci", "picklescan", "tokenizers",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ["ome-controller", "ome-steps", "ome-benchmark"])
def test_the_lock_has_every_import(name: str) -> None:
    image = find_image(name)
    assert image is not None
    lock = (REPOSITORY / "images" / "locks" / f"{name}.txt").read_text()
    locked = {_plain(found) for found in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    providers = packages_distributions()
    code = [path for path in source_files(image) if path.endswith(".py") and path != "images/unused_services.py"]
    imported = {top for path in code for top in _imports(path)}
    outside = imported - OURS - set(sys.stdlib_module_names) - NOT_RUN_THERE.get(name, set())
    missing = {top for top in outside if not locked & {_plain(each) for each in providers.get(top, [top])}}
    assert missing == set()


def test_the_controller_imports_nothing_that_its_image_lacks() -> None:
    """Its process, that is; the command line of the same packages stays outside."""
    absent = NOT_RUN_THERE["ome-controller"]
    seen: set[str] = set()
    todo = ["controller.__main__", *_modules("controller")]
    while todo:
        module = todo.pop()
        path = REPOSITORY / (module.replace(".", "/") + ".py")
        path = path if path.exists() else REPOSITORY / module.replace(".", "/") / "__init__.py"
        if module in seen or not path.exists():
            continue
        seen.add(module)
        for found in _imported_modules(path.read_text(), top_level_only=True):
            assert found.partition(".")[0] not in absent, f"{module} imports {found}"
            if found.partition(".")[0] in OURS:
                todo += [found, found.rpartition(".")[0]]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_containerfile_keeps_to_the_rules(image: Image) -> None:
    text = (REPOSITORY / image.containerfile).read_text()
    final = text.rsplit("\nFROM ", 1)[1]
    assert "USER 65532:65532" in final
    assert "ARG BASE=" in text.partition("FROM")[0]
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}
    assert "--require-hashes" in text
    assert "pip.conf" not in final and "certificates" not in final
    for label in ("title", "description", "licenses", "version"):
        assert f"org.opencontainers.image.{label}=" in final


def test_llama_cpp_is_compiled_as_the_environment_is() -> None:
    text = (REPOSITORY / "images" / "containerfiles" / "ome-llama-cpp.Containerfile").read_text()
    for value in BUILD_VARIABLES["ome-llama-cpp"].values():
        assert value.format(folder="/build") in text


def _imports(path: str) -> set[str]:
    modules = _imported_modules((REPOSITORY / path).read_text(), top_level_only=False)
    return {module.partition(".")[0] for module in modules}


def _imported_modules(text: str, *, top_level_only: bool) -> Iterator[str]:
    tree = ast.parse(text)
    checked = {id(each) for node in ast.walk(tree) if _is_type_checking(node) for each in ast.walk(node)}
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if top_level_only)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _modules(package: str) -> list[str]:
    paths = (path.relative_to(REPOSITORY) for path in (REPOSITORY / package).rglob("*.py"))
    return [path.with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__") for path in paths]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
