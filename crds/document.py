"""YAML text to plain documents, read as Kubernetes reads them: no time stamps, no duplicate keys, nothing but JSON."""

from typing import Any

import yaml

from crds.problems import InvalidResourceError, Problem, join_path, shown

_DEEPEST = 100
_LARGEST = 200_000


class _KubernetesLoader(yaml.SafeLoader):
    """A time stamp is text; a key that is there twice is an error, or a notice when both say the same."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.notices: list[Problem] = []


_KubernetesLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_mapping(loader: _KubernetesLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    merged = {id(value) for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"}
    own = [(key, value) for key, value in node.value if id(value) not in merged]
    seen: dict[Any, tuple[int, yaml.Node]] = {}
    for key_node, value_node in own:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if isinstance(key, dict | list):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
        if key in seen:
            first_line, first_value = seen[key]
            message = f"{shown(key)} is there twice, first in line {first_line}"
            if yaml.serialize(first_value) != yaml.serialize(value_node):
                raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
            loader.notices.append(Problem(f"line {line}", f"{message}, with the same value", kind="notice"))
        seen[key] = (line, value_node)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_KubernetesLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def read_documents(text: str) -> tuple[list[Any], tuple[Problem, ...]]:
    """The documents of a YAML or JSON text without the empty ones, and what is odd about the text.

    Raises:
        InvalidResourceError: with line and column.
    """
    documents: list[Any] = []
    try:
        loader = _KubernetesLoader(text)
        while loader.check_data():  # type: ignore[no-untyped-call]  # the stubs leave its result open
            documents.append(loader.get_data())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidResourceError([Problem(place, f"the YAML cannot be read: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        message = str(error).splitlines()[0]
        raise InvalidResourceError([Problem("", f"the YAML cannot be read: {message}")]) from None
    except RecursionError:
        raise InvalidResourceError([Problem("", "the YAML cannot be read: it is nested too deeply")]) from None
    return [document for document in documents if document is not None], tuple(loader.notices)


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
