"""The test hub for the tests that parse over HTTP."""

from tests.hub.fixture import hub

__all__ = ["hub"]
