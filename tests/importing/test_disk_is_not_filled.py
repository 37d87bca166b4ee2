"""Room is looked for before the first byte; what nothing needs goes first; a full disk is told with numbers."""

import os
import re
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.cache import collect_garbage, evict_model, import_model, models_root, remove_model, reserve_model
from steps.cache.admission import Disk, Evictable, plan_admission, reserve_bytes
from steps.cache.store import ObjectStore
from steps.errors import DiskFullError, InvalidInputError, NetworkError, NotFoundError
from steps.manifest import Manifest
from steps.model_owner import model_owner
from steps.resources import ResourceFolder
from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.importing.models import contents, fetch, noise, resolve
from tests.own_disk import own_disk, reserve_all_but

MIB = 1 << 20
GIB = 1 << 30
WEIGHTS = noise(3_000_000, 1)
LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def models_on_own_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A models root on a disk of its own."""
    with own_disk() as folder:
        monkeypatch.setenv("OME_MODELS_ROOT", str(folder))
        yield


def leave_room_for(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reserve that leaves about `count` bytes of the disk to imports."""
    monkeypatch.setenv("OME_DISK_RESERVE", reserve_all_but(count, models_root()))


def test_refusal_has_all_the_numbers() -> None:
    old = Evictable("/m/old", {"sha256/a": 12 * GIB}, 1.0, rank=2)
    with pytest.raises(DiskFullError) as caught:
        plan_admission(141 * GIB, Disk(free=90 * GIB, reserve=20 * GIB), [old], {"sha256/a": 1})
    assert caught.value.message == "needs 141.0 GiB, free 90.0 GiB, reserve 20.0 GiB, evictable 12.0 GiB"


def test_leftovers_go_before_objects_and_objects_before_models() -> None:
    candidates = [Evictable(f"/{rank}", {f"sha256/{rank}": GIB}, 3.0 - rank, rank=rank) for rank in (2, 1, 0)]
    disk = Disk(free=GIB, reserve=0)
    assert [v.path for v in plan_admission(2 * GIB, disk, candidates, {"sha256/2": 1})] == ["/0"]
    assert [v.path for v in plan_admission(3 * GIB, disk, candidates, {"sha256/2": 1})] == ["/0", "/1"]
    assert [v.path for v in plan_admission(4 * GIB, disk, candidates, {"sha256/2": 1})] == ["/0", "/1", "/2"]


def test_shared_objects_free_nothing_until_the_last_model_goes() -> None:
    first = Evictable("/first", {"sha256/shared": GIB}, 1.0, rank=2)
    second = Evictable("/second", {"sha256/shared": GIB}, 2.0, rank=2)
    disk = Disk(free=0, reserve=0)
    assert len(plan_admission(GIB, disk, [first, second], {"sha256/shared": 2})) == 2
    with pytest.raises(DiskFullError, match="evictable 0"):
        plan_admission(GIB, disk, [first, second], {"sha256/shared": 3})


@given(
    needs=st.integers(0, 100),
    free=st.integers(0, 100),
    reserve=st.integers(0, 50),
    promised=st.integers(0, 50),
    sizes=st.lists(st.integers(1, 40), max_size=6),
)
def test_a_plan_makes_room_and_removes_no_more_than_needed(
    needs: int, free: int, reserve: int, promised: int, sizes: list[int]
) -> None:
    candidates = [Evictable(f"/{i}", {f"o{i}": size}, float(i), rank=1) for i, size in enumerate(sizes)]
    disk = Disk(free, reserve, promised)
    room = free - reserve - promised
    try:
        plan = plan_admission(needs, disk, candidates, {})
    except DiskFullError:
        assert needs > 0
        assert room + sum(sizes) < needs
        return
    freed = [sum(victim.objects.values()) for victim in plan]
    assert needs == 0 or room + sum(freed) >= needs
    assert not freed or room + sum(freed[:-1]) < needs


@pytest.mark.parametrize(
    ("text", "expected"), [("20Gi", 20 * GIB), ("1.5Mi", 3 * MIB // 2), ("0", 0), ("2G", 2 * 10**9)]
)
def test_reserve_as_it_is_written(text: str, expected: int) -> None:
    assert reserve_bytes(10**12, {"OME_DISK_RESERVE": text}) == expected


def test_reserve_by_default_is_a_share_of_the_disk_and_bounded() -> None:
    assert reserve_bytes(100 * GIB, {}) == 5 * GIB
    assert reserve_bytes(10_000 * GIB, {}) == 20 * GIB
    with pytest.raises(InvalidInputError, match="OME_DISK_RESERVE"):
        reserve_bytes(1, {"OME_DISK_RESERVE": "plenty"})


def test_full_disk_is_refused_before_the_first_byte(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    leave_room_for(MIB, monkeypatch)
    with pytest.raises(DiskFullError) as caught:
        import_model(manifest, "model")
    numbers = r"needs 2\.9 MiB, free [\d.]+ [GM]iB, reserve [\d.]+ [GM]iB, evictable 0\.0 MiB"
    assert re.search(numbers, caught.value.message)
    assert "ome delete" in caught.value.remedy
    assert hub.ledger.counts().total_bytes == 0


@pytest.fixture
def small_files() -> Iterator[None]:
    """A limit on the size of files: writes beyond it fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_disk_that_fills_up_meanwhile_is_told_with_numbers(hub: RunningHub, request: pytest.FixtureRequest) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    request.getfixturevalue("small_files")
    with pytest.raises(DiskFullError, match=r"needs 2\.9 MiB more, free"):
        import_model(manifest, "model")


def make_old(folder: Path) -> None:
    """As if the model had last been used long ago."""
    os.utime(folder / ".ome-model.json", (LONG_AGO, LONG_AGO))


def test_oldest_unreferenced_model_goes_for_room(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(("old", "older", "new")):
        hub.add(f"acme/{name}", {"model.safetensors": noise(3_000_000, seed)})
    old, older = fetch("hf://acme/old", "old"), fetch("hf://acme/older", "older")
    make_old(old.path)
    os.utime(older.path / ".ome-model.json", (LONG_AGO - 5, LONG_AGO - 5))
    leave_room_for(2 * MIB, monkeypatch)
    imported = fetch("hf://acme/new", "new")
    assert imported.evicted == (older.path,)
    assert not older.path.exists()
    assert contents(old.path) == {"model.safetensors": noise(3_000_000, 0)}


@pytest.mark.parametrize("kind", ["resource", "deployment", "young", "other home"])
def test_model_that_something_needs_is_never_removed(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    hub.add("acme/old", {"model.safetensors": WEIGHTS})
    hub.add("acme/new", {"model.safetensors": noise(3_000_000, 2)})
    old = fetch("hf://acme/old", "old")
    if kind != "young":
        make_old(old.path)
    if kind == "resource":
        spec = {"storage": {"storageUri": "hf://acme/old", "path": str(old.path)}}
        ResourceFolder().apply({"kind": "ClusterBaseModel", "metadata": {"name": "old"}, "spec": spec})
    if kind == "deployment":
        state = Path(os.environ["OME_HOME"]) / "deployments" / "default.service" / "state.json"
        state.parent.mkdir(parents=True)
        state.write_text(f'{{"modelPath": "{old.path}"}}')
    if kind == "other home":
        monkeypatch.setenv("OME_HOME", str(tmp_path / "other"))
    manifest = resolve("hf://acme/new")
    leave_room_for(MIB, monkeypatch)
    with pytest.raises(DiskFullError, match=r"evictable 0\.0"):
        import_model(manifest, "new")
    assert contents(old.path) == {"model.safetensors": WEIGHTS}


def test_a_reserved_model_is_never_removed_for_room(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/kept", {"model.safetensors": WEIGHTS})
    hub.add("acme/new", {"model.safetensors": noise(3_000_000, 2)})
    kept = fetch("hf://acme/kept", "kept").path
    owner = model_owner("ClusterBaseModel", "", "kept")
    assert reserve_model(owner) and reserve_model(owner), "it may be repeated"
    os.utime(kept / ".ome-model.json", (LONG_AGO, LONG_AGO))
    leave_room_for(1_000_000, monkeypatch)
    with pytest.raises(DiskFullError, match=r"evictable 0\.0 MiB"):
        fetch("hf://acme/new", "new")
    assert contents(kept) == {"model.safetensors": WEIGHTS}
    evict_model(owner)
    assert not kept.exists(), "it goes when it is asked for by name"


def test_bytes_there_already_need_no_room(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    monkeypatch.setenv("OME_CONNECTIONS", "1")
    hub.set_faults(Fault("short", path="lfs/*", after=900_000, skip=2))
    with pytest.raises(Exception, match="ended"):
        import_model(manifest, "model")
    hub.set_faults()
    leave_room_for(MIB, monkeypatch)
    assert contents(import_model(manifest, "model").path) == {"model.safetensors": WEIGHTS}


def test_removing_a_model_frees_what_no_other_has(hub: RunningHub) -> None:
    hub.add("acme/one", {"model.safetensors": WEIGHTS, "config.json": b"1"})
    hub.add("acme/two", {"model.safetensors": WEIGHTS, "config.json": b"2"})
    one, two = fetch("hf://acme/one", "one"), fetch("hf://acme/two", path="group/two")
    assert remove_model(one.path).freed_bytes == 1
    assert contents(two.path) == {"model.safetensors": WEIGHTS, "config.json": b"2"}
    assert remove_model(two.path).freed_bytes == len(WEIGHTS) + 1
    assert sorted(p.name for p in models_root().iterdir()) == [".ome"]
    with pytest.raises(NotFoundError, match="there is no model"):
        remove_model(two.path)


def test_collection_keeps_what_a_running_import_has_claimed(hub: RunningHub) -> None:
    hub.add("acme/model", {"a.safetensors": noise(500_000, 8), "b.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    hub.set_faults(Fault("hold", path="*/b.safetensors", after=1_000_000))
    thread = threading.Thread(target=import_model, args=(manifest, "model"))
    thread.start()
    first = manifest.file("a.safetensors")
    assert first is not None
    pause = threading.Event()
    while thread.is_alive() and not ObjectStore(models_root()).path(first).exists():
        pause.wait(0.01)
    assert collect_garbage(leftover_seconds=0).files == 0
    hub.set_faults()
    thread.join()
    assert contents(models_root() / "model")["b.safetensors"] == WEIGHTS


def interrupt(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A model that comes with one file of two, and what it would be whole."""
    hub.add("acme/model", {"a.safetensors": noise(4_000_000, 2), "b.safetensors": WEIGHTS})
    manifest = resolve("hf://acme/model")
    with monkeypatch.context() as patience:
        patience.setenv("OME_TRANSFER_ATTEMPTS", "1")
        patience.setenv("OME_CONNECTIONS", "1")
        hub.set_faults(Fault("short", path="lfs/*b.safetensors", after=900_000))
        with pytest.raises(NetworkError):
            import_model(manifest, "model")
    hub.set_faults()
    hub.ledger.clear()
    return manifest


def test_collection_keeps_what_an_interrupted_import_goes_on_with(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = interrupt(hub, monkeypatch)
    hub.add("acme/other", {"model.safetensors": noise(200_000, 3)})
    assert remove_model(fetch("hf://acme/other", "other").path).freed_bytes == 200_000
    assert collect_garbage().files == 0
    assert import_model(manifest, "model").reused_bytes >= 4_900_000, "nothing of it was lost"


def test_collection_removes_what_an_old_interrupted_import_had(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(hub, monkeypatch)
    (note,) = (models_root() / ".ome" / "pending").iterdir()
    os.utime(note, (LONG_AGO, LONG_AGO))
    assert collect_garbage().freed_bytes == 4_000_000


def test_removing_a_model_forgets_what_its_next_import_had(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/small", {"config.json": b"{}"})
    folder = fetch("hf://acme/small", "model").path
    interrupt(hub, monkeypatch)
    assert remove_model(folder).freed_bytes == 4_000_002
    assert list((models_root() / ".ome" / "pending").iterdir()) == []


def test_collection_removes_leftovers_of_the_dead(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    hub.set_faults(Fault("short", path="lfs/*", after=900_000))
    with pytest.raises(Exception, match="ended"):
        fetch("hf://acme/model")
    assert collect_garbage().files == 0
    assert collect_garbage(leftover_seconds=0).files == 1
    assert [p for p in (models_root() / ".ome" / "objects").rglob("*") if p.is_file()] == []
