"""The grammar of `hf://org/name[@revision]`, and of which revision wins. Pure."""

import re
from dataclasses import dataclass

from steps.errors import InvalidInputError

_GRAMMAR = re.compile(
    r"hf://(?P<repository>[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)?)(?:@(?P<revision>[^\s@\\]+))?/?"
)
_REMEDY = "Write hf://org/name, or hf://org/name@revision with a branch, tag or commit."


@dataclass(frozen=True)
class HubUri:
    """A hub URI's parts.

    Attributes:
        text: As given.
        repository: `org/name`, or `name` for the hub's oldest models.
        revision: "" when the URI names none.
    """

    text: str
    repository: str
    revision: str

    def revision_with(self, parameter: str) -> str:
        """The revision to resolve, of the URI's and the parameter's; "" for the default branch.

        Raises:
            InvalidInputError: when both are given and differ.
        """
        if parameter and self.revision and parameter != self.revision:
            raise InvalidInputError(
                f'revision: "{parameter}" is given, but storageUri "{self.text}" names "{self.revision}"',
                remedy="Give the revision once: in the URI or as the parameter.",
            )
        return parameter or self.revision


def parse_hub_uri(uri: str) -> HubUri:
    """Split a hub URI.

    Raises:
        InvalidInputError: names the URI and the grammar.
    """
    match = _GRAMMAR.fullmatch(uri)
    if match is None or ".." in uri or "--" in match["repository"]:
        raise InvalidInputError(f'storageUri: "{uri}" is not hf://org/name[@revision]', remedy=_REMEDY)
    return HubUri(uri, match["repository"], match["revision"] or "")
