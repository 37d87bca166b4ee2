"""Which files of a repository are taken, which are left out, and the reason for each."""

from fnmatch import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from steps.manifest import FileEntry
from steps.sources.patterns import choose_files, matches_any
from tests.hub.fixture import RunningHub
from tests.importing.models import resolve

NAMES = ["config.json", "model.safetensors", "pytorch_model.bin", "model.Q4.gguf", "model.Q8.gguf", "onnx/model.onnx",
         "flax_model.msgpack", "tf_model.h5", "original/consolidated.00.pth", "consolidated.pth", ".gitattributes",
         "tokenizer.json", "README.md"]  # fmt: skip


def choose(*paths: str, allow: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> tuple[set[str], dict[str, str]]:
    """Paths kept, and the reasons for the others."""
    files = [FileEntry(path=p, size=1, algorithm="sha256", digest="0" * 64, location="") for p in paths]
    kept = choose_files(files, allow, ignore)
    assert [f.path for f in kept.files] == sorted(f.path for f in kept.files)
    return {f.path for f in kept.files}, {left.path: left.reason for left in kept.left_out}


def test_safetensors_leave_out_every_other_form() -> None:
    kept, left_out = choose(*NAMES)
    assert kept == {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert "safetensors" in left_out["pytorch_model.bin"]
    assert "safetensors" in left_out["model.Q4.gguf"]
    assert "onnx" in left_out["onnx/model.onnx"]
    assert "original/" in left_out["original/consolidated.00.pth"]


def test_all_ggufs_are_kept_where_there_is_nothing_else() -> None:
    kept, _ = choose("config.json", "model.Q4.gguf", "model.Q8.gguf", ".gitattributes")
    assert kept == {"config.json", "model.Q4.gguf", "model.Q8.gguf"}


def test_pickles_are_kept_where_there_is_nothing_else() -> None:
    kept, _ = choose("config.json", "pytorch_model.bin", "tf_model.h5")
    assert kept == {"config.json", "pytorch_model.bin"}


def test_only_weights_of_another_framework_are_kept() -> None:
    assert choose("config.json", "onnx/model.onnx")[0] == {"config.json", "onnx/model.onnx"}
    assert choose("original/params.json", "original/consolidated.00.pth")[0] == {
        "original/params.json", "original/consolidated.00.pth",
    }  # fmt: skip


def test_allow_patterns_bring_back_what_is_left_out_by_default() -> None:
    kept, left_out = choose(*NAMES, allow=("*.json", "*Q4*"))
    assert kept == {"config.json", "tokenizer.json", "model.Q4.gguf"}
    assert "*Q4*" in left_out["model.safetensors"]


def test_ignore_patterns_win() -> None:
    kept, _ = choose(*NAMES, allow=("*.json",), ignore=("tok*",))
    assert kept == {"config.json"}


def test_folder_pattern_means_everything_below() -> None:
    assert choose("a/b/c", "ab", allow=("a/",))[0] == {"a/b/c"}


@given(st.lists(st.sampled_from(NAMES), unique=True), st.sampled_from(["*.json", "m*", "*/*", "*.[bp]*", "onnx/*"]))
def test_every_file_is_kept_or_left_out_once(paths: list[str], pattern: str) -> None:
    kept, left_out = choose(*paths, allow=(pattern,))
    assert kept.isdisjoint(left_out)
    assert kept | set(left_out) == set(paths)
    assert kept == {path for path in paths if fnmatch(path, pattern)}
    assert all(left_out.values())


def test_case_counts() -> None:
    assert not matches_any("MODEL.SAFETENSORS", ("*.safetensors",))


def test_manifest_pins_commit_digests_and_licence(hub: RunningHub) -> None:
    hub.add("acme/model", {name: name.encode() for name in NAMES}, settings="licence: mit\n")
    manifest = resolve("hf://acme/model")
    assert len(manifest.revision) == 40
    assert manifest.licence == "mit"
    algorithms = {file.path: file.algorithm for file in manifest.files}
    assert algorithms["model.safetensors"] == "sha256"
    assert algorithms["config.json"] == "git-sha1"
    assert [left.path for left in manifest.left_out] == sorted(left.path for left in manifest.left_out)
    assert len(manifest.files) + len(manifest.left_out) == len(NAMES)


def test_listing_in_pages_and_by_tag_and_branch(hub: RunningHub) -> None:
    files = {f"part-{index:04}.json": b"{}" for index in range(1500)}
    hub.add("acme/model", files | {".revisions/v2/config.json": b"{}"}, settings="tags: {v1: main}\n")
    manifest = resolve("hf://acme/model@v1")
    assert len(manifest.files) == 1500
    assert resolve(f"hf://acme/model@{manifest.revision}").digest == manifest.digest
    assert [file.path for file in resolve("hf://acme/model", revision="v2").files] == ["config.json"]


def test_name_without_an_organisation(hub: RunningHub) -> None:
    hub.add("gpt2", {"config.json": b"{}"})
    assert len(resolve("hf://gpt2").files) == 1
