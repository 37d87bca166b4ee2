"""YAML text to plain documents, read as Kubernetes reads them: no time stamps, no duplicate keys, nothing but JSON."""

from typing import Any

import yaml

from crds.problems import InvalidResourceError, Problem, join_path, shown

_DEEPEST = 100
_LARGEST = 200_000


class _KubernetesLoader(yaml.SafeLoader):
    """A time stamp is text, and a key that is there twice is an error."""


_KubernetesLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_mapping(loader: _KubernetesLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    lines: dict[Any, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, dict | list):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
        if key in lines and key_node.start_mark.line != lines[key]:
            message = f"{shown(key)} is there twice, first in line {lines[key] + 1}"
            raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
        lines[key] = key_node.start_mark.line
    return loader.construct_mapping(node, deep=True)


_KubernetesLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def read_documents(text: str) -> list[Any]:
    """The documents of a YAML or JSON text, without the empty ones.

    Raises:
        InvalidResourceError: with line and column.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_KubernetesLoader))  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidResourceError([Problem(place, f"the YAML cannot be read: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        message = str(error).splitlines()[0]
        raise InvalidResourceError([Problem("", f"the YAML cannot be read: {message}")]) from None
    except RecursionError:
        raise InvalidResourceError([Problem("", "the YAML cannot be read: it is nested too deeply")]) from None
    return [document for document in documents if document is not None]


def require_json(document: Any) -> None:
    """Check that a document is made of what JSON has, and is of bearable size.

    Raises:
        InvalidResourceError: names the place of the first thing that is not.
    """
    count = 0
    pending: list[tuple[Any, tuple[str | int, ...]]] = [(document, ())]
    while pending:
        value, path = pending.pop()
        count += 1
        if count > _LARGEST:
            raise InvalidResourceError([Problem("", f"the document has more than {_LARGEST} values")])
        if len(path) > _DEEPEST:
            message = f"the document is nested more than {_DEEPEST} levels deep"
            raise InvalidResourceError([Problem(join_path(path[:5]), message)])
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    message = f"the key {shown(key)} is not text"
                    raise InvalidResourceError([Problem(join_path(path), message, f'text: "{key}" in quotes')])
                pending.append((item, (*path, key)))
        elif isinstance(value, list | tuple):
            pending.extend((item, (*path, index)) for index, item in enumerate(value))
        elif not isinstance(value, str | int | float | bool | None):
            message = f"is a {type(value).__name__}, which JSON does not have"
            raise InvalidResourceError(
                [Problem(join_path(path), message, "text, numbers, true, false, lists, objects")]
            )
