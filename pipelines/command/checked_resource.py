"""Resources of a YAML text, checked by the API's types: what is wrong is an error, what is odd is told."""

import sys
from pathlib import Path

from crds.load import load, load_all
from crds.predictor import migrated
from crds.problems import InvalidResourceError
from steps.errors import InvalidInputError, NotFoundError
from steps.resources import Resource


def read_text(file: str) -> str:
    """What is in a YAML file; "-" is standard input.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it cannot be read as text.
    """
    try:
        return (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode()
    except FileNotFoundError:
        raise NotFoundError(
            f'--filename: "{file}" does not exist', remedy="Give a YAML file, or - for standard input."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise InvalidInputError(
            f'--filename: "{file}" cannot be read: {what}', remedy="Give a YAML file, or - for standard input."
        ) from None


def load_resources(text: str, source: str) -> tuple[list[Resource], list[str]]:
    """The resources of a YAML text as they were written, and what their author should know.

    A service of OME's older form (`spec.predictor`) is given in the newer one.

    Args:
        text: YAML or JSON, any number of documents.
        source: The file's name, for messages.

    Raises:
        InvalidInputError: with everything that is wrong in all of them.
    """
    try:
        loaded = load_all(text)
        resources = [_in_newer_form(item.resource.to_dict()) for item in loaded.objects]
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
    return resources, warnings


def _in_newer_form(resource: Resource) -> Resource:
    """A service of OME's older form as everything here reads services; any other resource as it is.

    Raises:
        InvalidResourceError: when it says too little to be served.
    """
    if resource["kind"] != "InferenceService" or "predictor" not in resource["spec"]:
        return resource
    return load({**resource, "spec": migrated(resource["spec"])}).resource.to_dict()
