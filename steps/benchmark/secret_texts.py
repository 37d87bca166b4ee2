"""Takes a key out of everything that is kept: logs, error messages, results.

Called by `steps.benchmark.load` and `key_proxy`. An endpoint may repeat the key in an error message, plain or encoded.
"""

import base64
import urllib.parse
from typing import Final

HIDDEN: Final = "[hidden]"


class SecretTexts:
    """The forms of a key that could appear in text, and their removal."""

    def __init__(self, key: str) -> None:
        self._forms: tuple[str, ...] = ()
        if key:
            encoded = base64.b64encode(key.encode()).decode()
            forms = {key, urllib.parse.quote(key, safe=""), encoded, encoded.rstrip("="), repr(key)[1:-1]}
            self._forms = tuple(sorted(forms, key=len, reverse=True))

    def hide(self, text: str) -> str:
        """`text` without the key."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text
