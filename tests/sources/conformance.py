"""What the tests of the suite share: which sources a test is for, the files they serve, and the calls they make.

`@every_source` and `@sources_with("throttling")` choose by the capabilities of the harnesses that are switched on, so
that no test is skipped: a source without a capability has no such test.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from steps.cache import Imported, import_model
from steps.manifest import Manifest
from steps.sources import ResolveOptions, Source, open_source, read_range
from tests.importing.models import contents, entry, noise
from tests.sources.harness import Capability, SourceHarness
from tests.sources.harnesses import switched_on

__all__ = ["contents", "entry", "noise"]

WEIGHTS = noise(3_000_000, 1)
OTHER_WEIGHTS = noise(3_000_000, 2)
FILES = {"config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS}
SIZE = sum(len(content) for content in FILES.values())

ODD_NAMES = (
    "with blank.json",
    "plus+and&equals=.json",
    "percent%20and%.json",
    "hash#and?question.json",
    'it\'s "quoted".json',
    "brackets[0]{1}(2).json",
    "tilde~caret^at@dollar$.json",
    "semicolon;comma,colon:star*.json",
    "less<more>pipe|.json",
    "ünïcode-日本語-🦙.json",
    "no-suffix",
    ".hidden/file.json",
    "deep/er/and/deep/er/still/and/then/some/config.json",
    "deep/with blank/and+plus/%2F/config.json",
)
HOSTILE_NAMES = (
    "../evil.json",
    "a/../../evil.json",
    "/etc/evil.json",
    "back\\evil.json",
    "./evil.json",
    "a//evil.json",
)
INNOCENT = "innocent.json"


def sources_with(*needed: Capability) -> pytest.MarkDecorator:
    """Run a test for every source that is switched on and has what is needed."""
    names = [name for name, kind in switched_on().items() if kind.capabilities >= set(needed)]
    return pytest.mark.parametrize("harness", names, indirect=True)


every_source = sources_with()


def opened(harness: SourceHarness, uri: str = "") -> Source:
    """The source, as steps open it."""
    return open_source(uri or harness.uri)


def resolve(harness: SourceHarness, **options: object) -> Manifest:
    """The model's manifest."""
    return opened(harness).resolve(ResolveOptions(**options))  # type: ignore[arg-type]  # named as the fields are


def fetch(harness: SourceHarness, name: str = "model") -> Imported:
    """Resolve and import."""
    return import_model(resolve(harness), name)


def read(harness: SourceHarness, manifest: Manifest, path: str, start: int, end: int) -> bytes:
    """Bytes of a file as another step reads them: by a source opened anew from the manifest."""
    return read_range(opened(harness, manifest.uri), entry(manifest, path), start, end)


def sent(harness: SourceHarness, *paths: str) -> int:
    """Bytes of files that the source sent so far."""
    counted = harness.ledger.counts().bytes
    return sum(counted.get(harness.target(path), 0) for path in paths)


def is_in_models_root(root: Path, name: str = "model") -> bool:
    """Whether anything of a model can be seen."""
    return (root / name).exists()


@contextmanager
def importing(manifest: Manifest, name: str = "model") -> Iterator["Future[Imported]"]:
    """An import under way in another thread; waited for at the end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(import_model, manifest, name)
