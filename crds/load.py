"""From documents to typed objects: the one way in. It says all that is wrong at once, and keeps what it does not know.

`load` takes one parsed document, `load_all` the text of a YAML file. Called by the command line, by steps that read
resources, and by the controller.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from crds.document import read_documents, require_json
from crds.kinds import KINDS, find_kind
from crds.metadata import API_VERSION, GROUP
from crds.problems import FieldError, InvalidResourceError, Problem, shown
from crds.resource import Resource
from crds.translate import problems_of
from crds.unknown import unknown_fields_and_notices


@dataclass(frozen=True)
class Loaded:
    """A typed object, and what its author should know about it.

    Attributes:
        resource: Of the kind's own type; fields that no type knows are still in it.
        unknown_fields: Each with its path and, where one is close, the name that was probably meant.
        notices: What is accepted but probably not meant.
    """

    resource: Resource
    unknown_fields: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Unknown fields, then notices; none of them refuses the object."""
        return self.unknown_fields + self.notices


@dataclass(frozen=True)
class LoadedFile:
    """All that a YAML file has.

    Attributes:
        objects: Those of this API, in their order.
        foreign: Documents of other APIs (a Namespace, a Secret), as they are: this project does not apply them.
        notices: What is odd about the text itself.
    """

    objects: tuple[Loaded, ...] = ()
    foreign: tuple[dict[str, Any], ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of the text and of every object, the latter with the object's name before the path."""
        of_objects = (
            _placed(p, _name_of(loaded.resource.to_dict())) for loaded in self.objects for p in loaded.problems
        )
        return (*self.notices, *of_objects)


def load(document: Any) -> Loaded:
    """A document as its kind's type.

    A status that cannot be read does not refuse the object: it is left out, with a notice.

    Raises:
        InvalidResourceError: with everything that is wrong.
    """
    require_json(document)
    if not isinstance(document, dict):
        raise InvalidResourceError(
            [Problem("", f"{shown(document)} is not an object", "apiVersion, kind, metadata, spec")]
        )
    kind_type = _type_of(document)
    try:
        resource = kind_type.from_dict(document)
    except ValidationError as error:
        problems = problems_of(error)
        if "status" in document and all(_is_status(problem) for problem in problems):
            readable = load({key: value for key, value in document.items() if key != "status"})
            notices = tuple(
                Problem(p.path, f"{p.message}; the status is not used", p.accepted, "notice") for p in problems
            )
            return Loaded(readable.resource, readable.unknown_fields, readable.notices + notices)
        raise InvalidResourceError(problems) from None
    found = tuple(unknown_fields_and_notices(resource))
    return Loaded(
        resource,
        tuple(problem for problem in found if problem.kind == "unknown-field"),
        tuple(problem for problem in found if problem.kind == "notice"),
    )


def load_all(text: str) -> LoadedFile:
    """Every document of a YAML (or JSON) text; a `kind: List` gives its items.

    Raises:
        InvalidResourceError: with everything that is wrong in all of them; paths begin with the document.
    """
    loaded: list[Loaded] = []
    foreign: list[dict[str, Any]] = []
    problems: list[Problem] = []
    documents, notices = read_documents(text)
    for place, document in _flattened(documents):
        if _is_foreign(document):
            foreign.append(document)
            continue
        try:
            loaded.append(load(document))
        except InvalidResourceError as error:
            problems += (_placed(problem, place) for problem in error.problems)
    if problems:
        raise InvalidResourceError(problems)
    return LoadedFile(tuple(loaded), tuple(foreign), notices)


def _flattened(documents: list[Any]) -> Iterator[tuple[str, Any]]:
    """Each document, with where it is: `document 2 (ClusterBaseModel "llama")`, as far as it can be told."""
    for index, document in enumerate(documents):
        number = f"document {index + 1}" if len(documents) > 1 else ""
        if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
            for item_index, item in enumerate(document["items"]):
                yield f"{number} items[{item_index}]".strip(), item
        else:
            name = _name_of(document)
            yield f"{number} ({name})" if number and name else number or name, document


def _placed(problem: Problem, place: str) -> Problem:
    path = f"{place}: {problem.path}" if place and problem.path else place or problem.path
    return Problem(path, problem.message, problem.accepted, problem.kind)


def _name_of(document: Any) -> str:
    """`ClusterBaseModel "llama"`, or ""."""
    if not isinstance(document, dict):
        return ""
    kind, metadata = document.get("kind"), document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{kind} {shown(name)}" if isinstance(kind, str) and isinstance(name, str) else ""


def _type_of(document: dict[str, Any]) -> type[Resource]:
    kind, version = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not kind:
        raise InvalidResourceError([Problem("kind", "is missing", "the object's kind, such as ClusterBaseModel")])
    if version is None:
        raise InvalidResourceError([Problem("apiVersion", "is missing", API_VERSION)])
    if version != API_VERSION:
        hint = f": a {kind} is not of this API, apply it with kubectl" if _is_foreign(document) else ""
        raise InvalidResourceError([Problem("apiVersion", f"{shown(version)} is not known{hint}", API_VERSION)])
    try:
        found = find_kind(kind)
        if found.name != kind:
            raise FieldError(f'{shown(kind)} is not a kind; did you mean "{found.name}"?')
    except FieldError as error:
        raise InvalidResourceError([Problem("kind", error.message, error.accepted)]) from None
    return found.type


def _is_foreign(document: Any) -> bool:
    """Whether a document is plainly of another API, and not one of ours with a wrong apiVersion."""
    if not isinstance(document, dict):
        return False
    kind, version = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str) or version.partition("/")[0] == GROUP:
        return False
    return kind not in KINDS


def _is_status(problem: Problem) -> bool:
    return problem.path == "status" or problem.path.startswith("status.")
