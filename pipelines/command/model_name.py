"""What a person typed as a model's URI: checked before a run records it, and the name it gives the model."""

import re

from crds.storage_uri import StorageUriError, parse_storage_uri
from steps.errors import InvalidInputError


def checked_uri(uri: str) -> str:
    """The URI, when it has the grammar of one: a run's record keeps it, so it must hold no password.

    Raises:
        InvalidInputError: says which part of it is wrong, and what is accepted.
    """
    try:
        parse_storage_uri(uri)
    except StorageUriError as error:
        accepted = f"Accepted: {error.accepted}. " if error.accepted else ""
        remedy = f"{accepted}Write hf://organisation/name or local:///path/to/model."
        raise InvalidInputError(f"uri: {error.message}", remedy=remedy) from None
    return uri


def name_of(uri: str) -> str:
    """The last word of a URI, as a Kubernetes name.

    `hf://HuggingFaceTB/SmolLM2-135M-Instruct@main` becomes `smollm2-135m-instruct`.

    Raises:
        InvalidInputError: when it is no URI, or nothing of it can be part of a name.
    """
    _, _, rest = checked_uri(uri).partition("://")
    word = rest.rstrip("/").rpartition("/")[2].partition("@")[0].lower().removesuffix(".gguf")
    name = re.sub(r"[^a-z0-9]+", "-", word).strip("-")[:52].strip("-")
    if not name:
        raise InvalidInputError(f'uri: "{uri}" has no name to derive the model\'s from', remedy="Give --name.")
    return name if name[0].isalpha() else f"m-{name}"
