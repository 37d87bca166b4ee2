"""Resources of a YAML text, checked by the API's types: what is wrong is an error, what is odd is told."""

from crds.load import load_all
from crds.problems import InvalidResourceError
from steps.errors import InvalidInputError
from steps.resources import Resource


def load_resources(text: str, source: str) -> tuple[list[Resource], list[str]]:
    """The resources of a YAML text as they were written, and what their author should know.

    Args:
        text: YAML or JSON, any number of documents.
        source: The file's name, for messages.

    Raises:
        InvalidInputError: with everything that is wrong in all of them.
    """
    try:
        loaded = load_all(text)
    except InvalidResourceError as error:
        problems = [str(problem) for problem in error.problems]
        more = f" (and {len(problems) - 10} more)" if len(problems) > 10 else ""
        raise InvalidInputError(
            f"{source}: " + f"\n  {source}: ".join(problems[:10]) + more,
            remedy="Nothing was applied. Correct the file and apply it again.",
        ) from None
    if not loaded.objects and not loaded.foreign:
        raise InvalidInputError(f"{source}: there is no object in it", remedy="Write apiVersion, kind and the rest.")
    warnings = [str(problem) for problem in loaded.problems]
    warnings += [f"{document.get('kind')} is not a kind of this API and is not applied" for document in loaded.foreign]
    return [item.resource.to_dict() for item in loaded.objects], warnings
