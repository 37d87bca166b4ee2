"""A model whose pickles would run code never appears, nothing of it runs, and who allows it fetches nothing again."""

import bz2
import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.pickle_reading import Limits, read_pickles
from steps.cache.pickles import dangers_of
from steps.errors import UnsafeError
from steps.manifest_store import save_manifest
from tests.hub.fixture import RunningHub
from tests.importing import pickled
from tests.importing.models import contents, fetch, resolve
from tests.importing.pickled import Call, checkpoint, global_of, old_checkpoint, state, touching, zipped
from tests.importing.test_memory_stays_flat import LIMIT_KIB, RUN

PROOF = Path("proof-that-it-ran")


def tarred(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def hostile(protocol: int = 4) -> bytes:
    return pickle.dumps(touching(PROOF), protocol)


def scanned(content: bytes, tmp_path: Path, name: str = "model.bin") -> str:
    (tmp_path / "file").write_bytes(content)
    return "; ".join(str(danger) for danger in dangers_of(tmp_path / "file", name))


def nested(depth: int) -> bytes:
    return zipped({"a.zip": nested(depth - 1)}) if depth else zipped({"a.pkl": b"N."})


HOSTILE = {
    "protocol 0": (hostile(0), "posix.system"),
    "protocol 2": (hostile(2), "posix.system"),
    "protocol 4": (hostile(4), "posix.system"),
    "eval": (pickle.dumps(Call(eval, f"open({str(PROOF)!r}, 'w')")), "builtins.eval"),
    "__import__, which picklescan does not list": (global_of("builtins", "__import__"), "builtins.__import__"),
    "the name of Python 2": (b"ccommands\ngetoutput\n(S'id'\ntR.", "commands.getoutput"),
    "through a method": (global_of("builtins", "eval.__call__"), "builtins.eval.__call__"),
    "through another module": (global_of("logging", "os.system"), "logging.os.system"),
    "a computed name": (b"\x80\x04\x8c\x02os)\x93.", "whose name it computes"),
    "a name kept in the memo": (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.", "os.system"),
    "a name that replaces another": (b"\x80\x04\x8c\x01xq\x05\x8c\x02osq\x050h\x05\x8c\x06system\x93.", "os."),
    "behind a lax string": (b"S'x' \n0cposix\nsystem\n(S'true'\ntR.", "posix.system"),
    "behind 1 MiB of bytes": (b"B\0\0\x10\0" + bytes(1 << 20) + b"0" + hostile(), "posix.system"),
    "over the end of a frame": (b"\x80\x04\x95\x02" + bytes(7) + b"cxos\nsystem\n(S'id'\ntR.", "end of a frame"),
    "the second pickle": (pickle.dumps(state()) + hostile(), "posix.system"),
    "not the end of it": (hostile()[:-1], "posix.system"),
    "PyTorch's zip": (checkpoint(hostile(2)), "archive/data.pkl would use posix.system"),
    "PyTorch's zip, compressed": (zipped({"a/data.pkl": hostile(2)}, zipfile.ZIP_DEFLATED), "posix.system"),
    "a zip in a zip": (zipped({"inner.bin": checkpoint(hostile(2))}), "inner.bin: archive/data.pkl would"),
    "a member of no name": (zipped({"a/b": hostile(2)}), "a/b would use posix.system"),
    "a pickle with a zip behind it": (hostile() + checkpoint(), "model.bin would use posix.system"),
    "a pickle that begins like a zip": (b"PK\x03\x04\n0" + hostile(0) + checkpoint(), "model.bin would use"),
    "PyTorch before 1.6": (old_checkpoint(hostile(2)), "posix.system"),
    "PyTorch before 1.6, in its last pickle": (old_checkpoint(tensors=hostile(2)), "posix.system"),
    "tar": (tarred({"sys_info": pickle.dumps({}), "pickle": hostile(2)}), "pickle would use posix.system"),
    "gzip": (gzip.compress(hostile()), "posix.system"),
    "bzip2": (bz2.compress(hostile()), "posix.system"),
    "an array of objects": (b"\x93NUMPY\x01\x00\x02\x00{}" + hostile(), "posix.system"),
    "arrays of objects": (zipped({"a.npy": b"\x93NUMPY\x01\x00\x02\x00{}" + hostile()}), "a.npy would"),
    "behind the header of safetensors": (b"X\x05\x00\x00\x00\x00\x00\x00{}0" + hostile(0), "posix.system"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_would_run_code_is_named(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content, expected = HOSTILE[case]
    assert expected in scanned(content, tmp_path)
    assert not PROOF.exists(), "it was run"


def test_the_hostile_pickle_does_run_where_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(hostile())  # noqa: S301 - what the other tests say does not happen
    assert PROOF.exists()


UNREADABLE = {
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(100),
    "a zip cut off": checkpoint()[:-30],
    "a zip with a changed byte": checkpoint().replace(b"FloatStorage", b"FloatStorages"[:12].lower(), 1),
    "a pickle cut off": pickle.dumps(state())[:-20],
    "a newer protocol": b"\x80\x04N0\x80\x09.",
    "an unknown opcode": pickle.dumps(state())[:-1] + b"\xff",
    "too many archives in one another": nested(6),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_not_taken_for_safe(case: str, tmp_path: Path) -> None:
    assert scanned(UNREADABLE[case], tmp_path)


SAFE = {
    "nothing": b"",
    "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "GGUF": b"GGUF\x03\x00\x00\x00" + bytes(64),
    "safetensors": (8).to_bytes(8, "little") + b'{"a":{}}' + bytes(64),
    "safetensors whose length looks like protocol 2": (0x280).to_bytes(8, "little") + b"{}" + bytes(1000),
    "zeros": bytes(4096),
    "a state": pickle.dumps(state()),
    "PyTorch's zip": checkpoint(),
    "a tensor that looks like a pickle": checkpoint(tensors=b"\x80\x02\xff\x00cos\nsystem\n"),
    "PyTorch before 1.6": old_checkpoint(),
    "a class in a class": global_of("acme.config", "Outer.Inner"),
    "numbers of NumPy": b"\x93NUMPY\x01\x00\x02\x00{}" + bytes(64),
}


@pytest.mark.parametrize("case", SAFE)
def test_what_runs_nothing_passes(case: str, tmp_path: Path) -> None:
    assert scanned(SAFE[case], tmp_path) == ""


def test_an_unsafe_model_never_appears_and_allowing_it_fetches_nothing(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(hostile(2), tensors=bytes(3_000_000))}
    hub.add("acme/unsafe", files)
    manifest = resolve("hf://acme/unsafe")
    with pytest.raises(UnsafeError) as caught:
        import_model(manifest, "model")
    assert "hf://acme/unsafe: pytorch_model.bin: archive/data.pkl would use posix.system" in caught.value.message
    assert "--unsafe-pickles allow" in caught.value.remedy and "unsafePickles: allow" in caught.value.remedy
    assert not (models_root() / "model").exists()
    assert list((models_root() / ".ome" / "staging").glob("*")) == []
    hub.ledger.clear()
    imported = import_model(manifest, "model", unsafe_pickles="allow")
    assert hub.ledger.counts().total_requests == 0
    assert imported.fetched_bytes == 0
    assert contents(imported.path) == files
    assert not PROOF.exists()


def test_an_allowance_is_of_one_import_and_not_of_the_folder(hub: RunningHub) -> None:
    hub.add("acme/unsafe", {"model.pkl": hostile()})
    manifest = resolve("hf://acme/unsafe")
    import_model(manifest, "model", unsafe_pickles="allow")
    with pytest.raises(UnsafeError):
        import_model(manifest, "model")
    assert import_model(manifest, "model", unsafe_pickles="allow").fetched_bytes == 0


def test_a_safe_checkpoint_and_one_name_of_two_are_looked_at(hub: RunningHub) -> None:
    hub.add("acme/safe", {"pytorch_model.bin": checkpoint(), "training_args.bin": pickle.dumps(state())})
    assert fetch("hf://acme/safe").path.is_dir()
    hub.add("acme/twice", {"a.txt": hostile(), "b.pt": hostile()})
    with pytest.raises(UnsafeError, match=r"b\.pt would use"):
        fetch("hf://acme/twice", "twice")


def test_many_dangers_are_told_in_few_words(hub: RunningHub) -> None:
    hub.add("acme/unsafe", {f"{letter}.pkl": hostile() + letter.encode() for letter in "abcdefgh"})
    with pytest.raises(UnsafeError, match=r"a\.pkl .*; e\.pkl would use posix\.system; and 3 more$"):
        fetch("hf://acme/unsafe")


def step_with(hub: RunningHub, files: dict[str, bytes], tmp_path: Path, program: str, **inputs: str) -> str:
    hub.add("acme/model", files)
    inputs |= {"manifest": save_manifest(resolve("hf://acme/model")), "name": "model"}
    file = tmp_path / "parameters.json"
    file.write_text(json.dumps([{"name": name, "value": value} for name, value in inputs.items()]))
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OME_STEP_ROOT": str(tmp_path / "step")},
    )
    return f"{done.returncode} {done.stdout} {done.stderr}"


LOADED = """
import sys
from steps.__main__ import main
code = main(["cache-model", sys.argv[1]])
print(sorted({"picklescan", "pickletools", "numpy"} & set(sys.modules)))
sys.exit(code)
"""


def test_the_step_has_the_policy_as_an_input(hub: RunningHub, tmp_path: Path) -> None:
    files = {"model.pkl": hostile()}
    assert step_with(hub, files, tmp_path, LOADED).startswith("19 ")
    assert step_with(hub, files, tmp_path, LOADED, unsafe_pickles="allow").startswith("0 ")
    assert step_with(hub, files, tmp_path, LOADED, unsafe_pickles="perhaps").startswith("16 ")


def test_a_model_without_pickles_does_not_pay_for_the_scan(hub: RunningHub, tmp_path: Path) -> None:
    assert step_with(hub, {"model.safetensors": b"x" * 100}, tmp_path, LOADED).startswith("0 []")


def test_bytes_in_a_pickle_cost_no_memory(hub: RunningHub, tmp_path: Path) -> None:
    folder = hub.add("acme/model", {"config.json": b"{}"})
    size = 400 << 20
    with (folder / "model.pkl").open("wb") as sparse:
        sparse.write(b"\x80\x04\x8e" + size.to_bytes(8, "little"))
        sparse.seek(size, 1)
        sparse.write(b".")
    told = step_with(hub, {}, tmp_path, RUN)
    assert told.startswith("0 "), told
    assert int(told.split()[1]) < LIMIT_KIB


def test_opcodes_without_end_are_refused(tmp_path: Path) -> None:
    endless = read_pickles(io.BytesIO(b"\x80\x04" + b"N0" * 1000 + b"."), Limits(opcodes=1000))
    assert endless.problem == "has more than 1000 opcodes"
    assert "more values at once" in scanned(b"\x80\x04" + b"N" * (Limits().stack + 1) + b".", tmp_path)


def test_helpers_make_what_pytorch_writes() -> None:
    names = zipfile.ZipFile(io.BytesIO(pickled.checkpoint())).namelist()
    assert names == ["archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/version"]
