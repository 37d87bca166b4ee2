"""Credentials of sources: on a cluster the files of a mounted Secret, on one machine the environment.

A name is looked up as written and in lower case: `AWS_ACCESS_KEY_ID` in a Secret may be `aws_access_key_id` too, as
OME's own parameters have it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

SECRET_FOLDER = "OME_SOURCE_SECRET"  # noqa: S105 - the name of a variable
"""Environment variable with the folder that the Secret of a model's source is mounted at."""

SECRET_KEYS: Mapping[str, tuple[str, ...]] = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "az": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    "oci": (
        "OCI_CONFIG_FILE", "OCI_KEY_FILE", "OCI_CONFIG_PROFILE",
        ".dockerconfigjson", "REGISTRY_USERNAME", "REGISTRY_PASSWORD",
    ),
    "github": ("GITHUB_TOKEN",),
}  # fmt: skip
"""The keys of a Secret that a source takes, by scheme; others take one token under a key of one's choice."""


def credential(*names: str) -> str:
    """The first of these that is given, or "": of the mounted Secret first, then of the environment.

    Args:
        names: Environment variables, or keys of a Secret.
    """
    folder = os.environ.get(SECRET_FOLDER, "")
    for name in names:
        for spelling in (name, name.lower()):
            found = _file(folder, spelling) or os.environ.get(spelling, "").strip()
            if found:
                return found
    return ""


def credentials_together(first: str, *others: str) -> tuple[str, ...]:
    """Several credentials from one place, the mounted Secret or the environment: the one that has the first of them.

    Mixed by name, a key of one place would go with a session token of another.

    Returns:
        A value for each name, in their order; all "" when no place has the first.
    """
    names = (first, *others)
    folder = os.environ.get(SECRET_FOLDER, "")
    in_secret = tuple(_file(folder, name) or _file(folder, name.lower()) for name in names)
    if in_secret[0]:
        return in_secret
    found = tuple((os.environ.get(name) or os.environ.get(name.lower()) or "").strip() for name in names)
    return found if found[0] else ("",) * len(names)


def credential_file(*names: str) -> str:
    """As `credential`, the path of the file that holds it: a Secret's key itself, or what a variable names."""
    folder = os.environ.get(SECRET_FOLDER, "")
    for name in names:
        for spelling in (name, name.lower()):
            if _file(folder, spelling):
                return str(Path(folder, spelling))
            if os.environ.get(spelling):
                return os.environ[spelling]
    return ""


def _file(folder: str, name: str) -> str:
    if not folder:
        return ""
    try:
        return Path(folder, name).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
