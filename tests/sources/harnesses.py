"""Every harness there is, and which of them the suite runs over."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Protocol

from tests.sources.background import Background
from tests.sources.harness import Capability, SourceHarness

OpenModel = Callable[[Path], SourceHarness]
"""Gives an empty model at a server that runs; the folder is the test's own."""


class HarnessKind(Protocol):
    """A harness class: what it can do is known before its server runs."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What its source has."""

    def serve(self, background: Background, folder: Path) -> AbstractContextManager[OpenModel]:
        """Run the source's server for a test session; `folder` is for what it keeps."""


HARNESSES: Mapping[str, str] = {
    "hub": "tests.sources.hub_harness:HubHarness",
    "local": "tests.sources.harness:LocalHarness",
    "s3": "tests.sources.s3_harness:S3Harness",
    "gs": "tests.sources.gs_harness:GcsHarness",
    "az": "tests.sources.az_harness:AzureHarness",
    "oci": "tests.sources.oci_harness:OciHarness",
    "artifact": "tests.sources.artifact_harness:ArtifactHarness",
    "github": "tests.sources.github_harness:GithubHarness",
}
"""By name of the source; modules are imported when they are switched on."""

SWITCHED_ON: tuple[str, ...] = ("hub", "local", "s3", "gs", "az", "oci", "artifact", "github")
"""Those whose source is in `steps.sources`."""

OF_ANOTHER_PACKAGE = "OME_SOURCE_HARNESS"
"""Environment variable: a harness `module:Class` outside of this repository, which the suite then runs over alone."""


def switched_on() -> dict[str, HarnessKind]:
    """The harnesses that the suite runs over."""
    names = os.environ.get(OF_ANOTHER_PACKAGE, "").split() or SWITCHED_ON
    return {name: load(HARNESSES.get(name, name)) for name in names}


def load(place: str) -> HarnessKind:
    """The class at `package.module:Class`."""
    module, _, name = place.partition(":")
    kind: HarnessKind = getattr(import_module(module), name)
    return kind
