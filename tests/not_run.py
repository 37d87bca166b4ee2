"""What a test says that cannot run on this machine; where `CI` is set it fails with these words (`tests.conftest`)."""

from typing import NoReturn

import pytest


def not_run(lacking: str, remedy: str) -> NoReturn:
    """End a test that cannot run here.

    Args:
        lacking: What is not there.
        remedy: The command that gets it, or what else to do.
    """
    pytest.skip(f"not run: {lacking}: {remedy}")
