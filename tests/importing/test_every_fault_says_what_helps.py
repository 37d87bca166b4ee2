"""Each fault of the hub: its class, its message and its remedy, what is kept, and that the next run ends well.

The faults of this machine are in `test_every_fault_of_this_machine_says_what_helps.py`. What is fetched is three files
by one connection, one after another; a fault is of the second, after its first segment of 1 MiB where it can be.
"""

import json
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.errors import InvalidInputError, OmeError
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import bytes_there, contents, noise, resolve
from tests.importing.promised import assert_told, promises

SEGMENT = 1 << 20
FIRST = 2_000_000
FILES = {"a.safetensors": noise(FIRST, 1), "b.safetensors": noise(3_000_000, 2), "config.json": b"{}"}
SIZE = sum(len(content) for content in FILES.values())
AT_HUB, AT_STORE = "acme/model/b.safetensors", "lfs/acme/model/b.safetensors"

LASTING: dict[str, tuple[Fault, str, int]] = {
    "a flipped byte": (
        Fault("flip", path=AT_STORE, skip=1, after=1_500_000),
        r"^b\.safetensors: its 3000000 bytes have the sha256 \w{64}, the manifest says \w{64}; .* was removed",
        FIRST,
    ),
    "a short body": (
        Fault("short", path=AT_STORE, skip=1, after=200_000),
        r"^hf://acme/model b\.safetensors: the answer ended early",
        FIRST + SEGMENT + 200_000,
    ),
    "a wrong length": (
        Fault("length", path=AT_STORE, skip=1, after=200_000),
        rf"^hf://acme/model b\.safetensors: the answer ended {SEGMENT - 200_000} bytes early",
        FIRST + SEGMENT + 200_000,
    ),
    "a storm of 429": (
        Fault("status", path=AT_STORE, skip=1, times=0, status=429, retry_after=3600),
        r"b\.safetensors: .*HTTP 429.* asks for 3600 s of patience; waited 0 s and will not wait 3600 s more",
        FIRST + SEGMENT,
    ),
    "503": (
        Fault("status", path=AT_STORE, skip=1, times=0, status=503),
        r"b\.safetensors: the source failed \(HTTP 503\)",
        FIRST + SEGMENT,
    ),
    "a stall": (
        Fault("stall", path=AT_STORE, skip=1, after=200_000),
        r"b\.safetensors: no byte came for 5 s",
        FIRST + SEGMENT + 200_000,
    ),
    "a redirect loop": (
        Fault("loop", path=AT_STORE, skip=1, times=0),
        r"b\.safetensors: more than 5 redirects, the last to http://127\.0\.0\.1:\d+/\w{40}/acme/model/b\.safetensors$",
        FIRST + SEGMENT,
    ),
    "an expired signed URL": (
        Fault("expire", path=AT_STORE, skip=1, times=0),
        r"b\.safetensors: the store's signed address has expired",
        FIRST + SEGMENT,
    ),
    "an object changed under way": (
        Fault("change", path=AT_STORE, skip=1),
        r"b\.safetensors: the file changed at its source while it was read",
        FIRST + SEGMENT,
    ),
}
"""By fault: how the hub does it until patience runs out, the words of the message, and the bytes that came before."""


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection, so that what came before a fault is known."""
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    monkeypatch.setenv("OME_STALL_SECONDS", "5")


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_fault_is_told_and_what_came_is_kept(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    done_wrong, words, before = LASTING[fault]
    hub.set_faults(done_wrong)
    with pytest.raises(OmeError) as caught:
        import_model(manifest, "model")
    assert_told(caught.value, fault, words)
    _goes_on(hub, before)


def test_size_that_is_listed_wrongly(hub: RunningHub) -> None:
    hub.add("acme/model", FILES, settings="listed: {b.safetensors: {size: 2999999}}")
    manifest = resolve("hf://acme/model")
    with pytest.raises(OmeError) as caught:
        import_model(manifest, "model")
    words = r"b\.safetensors: the file at its source has 3000000 bytes, the manifest says 2999999"
    assert_told(caught.value, "a wrong size in the listing", words)
    hub.add("acme/model", {}, settings="{}")
    _goes_on(hub, FIRST)


def _goes_on(hub: RunningHub, before: int) -> None:
    """See that nothing half can be seen, and that the next run fetches what is missing and no byte more."""
    assert not (models_root() / "model").exists()
    hub.set_faults()
    manifest = resolve("hf://acme/model")
    kept = bytes_there(manifest)
    assert kept >= before, "bytes that came are lost"
    hub.ledger.clear()
    again = import_model(manifest, "model")
    assert hub.ledger.counts().total_bytes == SIZE - kept
    assert contents(again.path) == FILES


PASSING = ("a short body", "a wrong length", "a storm of 429", "503", "a stall", "a redirect loop",
           "an expired signed URL")  # fmt: skip


@pytest.mark.parametrize("fault", PASSING)
def test_passing_fault_costs_no_byte_and_no_second_run(hub: RunningHub, fault: str) -> None:
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    lasting = LASTING[fault][0]
    hub.set_faults(Fault(lasting.kind, lasting.path, 2, lasting.after, lasting.skip, lasting.status, retry_after=0))
    assert contents(import_model(manifest, "model").path) == FILES
    assert hub.ledger.counts().total_bytes == SIZE


LISTING: dict[str, tuple[Fault, str]] = {
    "a storm of 429": (Fault("status", status=429, retry_after=3600), r"^hf://acme/model: .*HTTP 429"),
    "503": (Fault("status", status=503), r"^hf://acme/model: the source failed \(HTTP 503\)"),
    "a redirect loop": (Fault("loop"), r"^hf://acme/model: more than \d+ redirects, the last to http://127\.0\.0\.1"),
}


@pytest.mark.parametrize("fault", LISTING)
def test_fault_of_the_listing_is_told_and_passes(hub: RunningHub, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    hub.add("acme/model", FILES)
    done_wrong, words = LISTING[fault]
    hub.set_faults(Fault(done_wrong.kind, "api/*", 0, 0, 0, done_wrong.status, done_wrong.retry_after))
    with pytest.raises(OmeError) as caught:
        resolve("hf://acme/model")
    assert_told(caught.value, fault, words)
    hub.set_faults()
    assert len(resolve("hf://acme/model").files) == len(FILES)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../evil.json", 'it has the part ".."'),
        ("sub/../../evil.json", 'it has the part ".."'),
        ("/etc/evil.json", "it is absolute"),
        ("back\\evil.json", "it has a backslash"),
        ("C:/evil.json", "it names a drive"),
        ("new\nline-evil.json", "it has a control character"),
        ("nul\0-evil.json", "it has a control character"),
        ("sub//evil.json", 'it has the part ""'),
        (".ome/evil.json", "the name is kept for the cache's own use"),
        (f"evil-{'x' * 255}.json", "a part of it is longer than 255 bytes"),
    ],
)
def test_hostile_name_is_refused_before_a_byte_comes(hub: RunningHub, name: str, problem: str) -> None:
    hub.add("acme/model", FILES | {"innocent.json": b"{}"}, settings=_listed_as("innocent.json", name))
    with pytest.raises(OmeError) as caught:
        resolve("hf://acme/model")
    assert_told(caught.value, "a hostile name", "^file .*evil")
    assert caught.value.message == f"file {name!r}: {problem}"
    assert hub.ledger.counts().total_bytes == 0
    chosen = resolve("hf://acme/model", ignore_patterns=("*evil*",))
    assert contents(import_model(chosen, "model").path) == FILES


@pytest.mark.parametrize("name", ["CONFIG.json", "config.json/more.json", "Config.JSON/more.json"])
def test_two_names_of_one_file_are_refused_before_a_byte_comes(hub: RunningHub, name: str) -> None:
    hub.add("acme/model", FILES | {"innocent.json": b"{}"}, settings=_listed_as("innocent.json", name))
    with pytest.raises(InvalidInputError) as caught:
        resolve("hf://acme/model")
    assert_told(caught.value, "two names that are one file", "'config.json'")
    assert repr(name) in caught.value.message
    assert hub.ledger.counts().total_bytes == 0
    chosen = resolve("hf://acme/model", ignore_patterns=(name,))
    assert contents(import_model(chosen, "model").path) == FILES


def _listed_as(path: str, shown: str) -> str:
    return json.dumps({"listed": {path: {"path": shown}}})


def test_the_page_has_the_faults_that_are_tested_and_no_other() -> None:
    texts = "".join(path.read_text() for path in Path(__file__).parent.glob("test_every_fault_*.py"))
    untested = [fault for fault in promises() if f'"{fault}"' not in texts]
    assert promises() and not untested
