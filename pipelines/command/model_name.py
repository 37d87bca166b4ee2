"""The name that a model gets when the user gives none: the last word of its URI, as a Kubernetes name."""

import re

from steps.errors import InvalidInputError


def name_of(uri: str) -> str:
    """`hf://HuggingFaceTB/SmolLM2-135M-Instruct@main` becomes `smollm2-135m-instruct`.

    Raises:
        InvalidInputError: when nothing of the URI can be part of a name.
    """
    _, separator, rest = uri.partition("://")
    if not separator:
        raise InvalidInputError(
            f'uri: "{uri}" has no scheme',
            remedy="Write hf://organisation/name or local:///path/to/model.",
        )
    word = rest.rstrip("/").rpartition("/")[2].partition("@")[0].lower().removesuffix(".gguf")
    name = re.sub(r"[^a-z0-9]+", "-", word).strip("-")[:52].strip("-")
    if not name:
        raise InvalidInputError(f'uri: "{uri}" has no name to derive the model\'s from', remedy="Give --name.")
    return name if name[0].isalpha() else f"m-{name}"
