"""The tokenizer folder: from the model's tokenizer.json, else from its GGUF vocabulary; the same text comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

from steps.benchmark.tokenizer import make_tokenizer_folder
from steps.benchmark.vocabulary import PATTERNS, build_tokenizer, end_tokens
from steps.errors import InvalidInputError, NotFoundError, UnsupportedError
from tests.benchmarking.made_up_gguf import write_gguf

BYTES = sorted(ByteLevel.alphabet())
MERGES = ("h e", "l l", "he ll", "hell o", "Ġ w", "Ġw o", "1 2", "12 3", "123 4")
TOKENS = (*BYTES, *(merge.replace(" ", "") for merge in MERGES), "<|im_end|>", "<|im_start|>", "<|endoftext|>")
END = TOKENS.index("<|im_end|>")
PIECES = ("\u2581", "h", "e", "l", "o", "he", "ll", "hell", "hello", "\u2581hello")
SPM_TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256)), *PIECES)


def byte_level(**changes: Any) -> dict[str, Any]:
    return {
        "general.architecture": "llama",
        "llama.context_length": 2048,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": (1,) * (len(TOKENS) - 3) + (3, 3, 3),
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.eos_token_id": END,
        "tokenizer.ggml.bos_token_id": END + 1,
    } | changes


def sentence_piece(**changes: Any) -> dict[str, Any]:
    return {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": SPM_TOKENS,
        "tokenizer.ggml.token_type": (2, 3, 3) + (6,) * 256 + (1,) * len(PIECES),
        "tokenizer.ggml.scores": (0.0,) * 259 + tuple(float(-len(PIECES) + n) for n in range(len(PIECES))),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    } | changes


def pieces(metadata: dict[str, Any], text: str) -> list[str]:
    return list(build_tokenizer(metadata).encode(text, add_special_tokens=False).tokens)


def test_byte_level_vocabulary_merges_and_splits_digits() -> None:
    assert pieces(byte_level(), "hello wo") == ["hello", "Ġwo"]
    assert pieces(byte_level(), "1234") == ["1", "2", "3", "4"]
    assert pieces(byte_level(**{"tokenizer.ggml.pre": "gpt-2"}), "1234") == ["1234"]
    assert pieces(byte_level(**{"tokenizer.ggml.pre": "llama-bpe"}), "1234") == ["123", "4"]
    assert pieces(byte_level(**{"tokenizer.ggml.pre": "qwen2"}), "1234") == ["1", "2", "3", "4"]


def test_special_tokens_stay_whole_and_take_their_own_ids() -> None:
    encoded = build_tokenizer(byte_level()).encode("hello<|im_end|>", add_special_tokens=False)
    assert encoded.ids == [TOKENS.index("hello"), END]


def test_begin_token_is_added_only_where_the_model_wants_it() -> None:
    assert build_tokenizer(byte_level()).encode("hello").tokens == ["hello"]
    wanted = byte_level(**{"tokenizer.ggml.add_bos_token": True})
    assert build_tokenizer(wanted).encode("hello").tokens == ["<|im_start|>", "hello"]
    assert build_tokenizer(sentence_piece()).encode("hello").tokens == ["<s>", "\u2581hello"]


def test_sentence_piece_joins_by_score_and_falls_back_to_bytes() -> None:
    assert pieces(sentence_piece(), "hello hello") == ["\u2581hello", "\u2581hello"]
    assert pieces(sentence_piece(), "héo") == ["\u2581", "h", "<0xC3>", "<0xA9>", "o"]
    assert pieces(sentence_piece(**{"tokenizer.ggml.add_space_prefix": False}), "hello") == ["hello"]


@pytest.mark.parametrize(("ab", "bc", "expected"), [(-1.0, -2.0, ["ab", "c"]), (-2.0, -1.0, ["a", "bc"])])
def test_sentence_piece_prefers_the_higher_score(ab: float, bc: float, expected: list[str]) -> None:
    metadata = sentence_piece(**{
        "tokenizer.ggml.tokens": ("<unk>", "<s>", "</s>", "a", "b", "c", "ab", "bc"),
        "tokenizer.ggml.token_type": (2, 3, 3, 1, 1, 1, 1, 1),
        "tokenizer.ggml.scores": (0.0, 0.0, 0.0, -9.0, -9.0, -9.0, ab, bc),
        "tokenizer.ggml.add_space_prefix": False,
    })  # fmt: skip
    assert pieces(metadata, "abc") == expected


def test_some_models_take_a_known_word_whole_though_no_merge_leads_to_it() -> None:
    more = {"tokenizer.ggml.tokens": (*TOKENS, "wow"), "tokenizer.ggml.token_type": (1,) * (len(TOKENS) + 1)}
    assert pieces(byte_level(**more, **{"tokenizer.ggml.pre": "gpt-2"}), "wow") == ["w", "o", "w"]
    assert pieces(byte_level(**more, **{"tokenizer.ggml.pre": "llama-bpe"}), "wow") == ["wow"]


BUILT = [build_tokenizer(byte_level(**{"tokenizer.ggml.pre": names[0]})) for names in PATTERNS]
SPM = build_tokenizer(sentence_piece())


@given(st.text(max_size=80))
def test_any_text_comes_back(text: str) -> None:
    # SentencePiece writes a space as U+2581 and so cannot tell the two apart.
    text = text.replace("\u2581", " ")
    for tokenizer in (*BUILT, SPM):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_every_end_token_is_found() -> None:
    assert end_tokens(byte_level()) == (END, END + 2)
    assert end_tokens(sentence_piece()) == (2,)
    assert end_tokens({}) == ()


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (byte_level(**{"tokenizer.ggml.pre": "no-such"}), "no-such"),
        (byte_level(**{"tokenizer.ggml.model": "t5"}), "t5"),
        ({}, "no vocabulary"),
    ],
)
def test_what_cannot_be_built_right_is_refused_with_a_way_out(metadata: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedError, match=said) as refused:
        build_tokenizer(metadata)
    assert "tokenizer.json" in refused.value.remedy


@pytest.mark.parametrize(
    "metadata",
    [
        byte_level(**{"tokenizer.ggml.token_type": (1, 1)}),
        byte_level(**{"tokenizer.ggml.merges": (1, 2)}),
        sentence_piece(**{"tokenizer.ggml.scores": (1.0,)}),
        sentence_piece(**{"tokenizer.ggml.tokens": "text"}),
    ],
)
def test_metadata_that_contradicts_itself_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        build_tokenizer(metadata)


def test_folder_from_gguf_is_made_once_and_loads(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", byte_level())
    made = make_tokenizer_folder(tmp_path, ("m.gguf",))
    assert (made.source, made.end_tokens) == ("GGUF vocabulary", (END, END + 2))
    loaded = Tokenizer.from_file(str(made.path / "tokenizer.json"))
    assert loaded.decode(loaded.encode("hello wo").ids) == "hello wo"
    config = json.loads((made.path / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert (config["eos_token"], config["model_max_length"]) == ("<|im_end|>", 2048)
    before = (made.path / "tokenizer.json").stat().st_mtime_ns
    assert make_tokenizer_folder(tmp_path).path == made.path
    assert (made.path / "tokenizer.json").stat().st_mtime_ns == before
    assert [p.name for p in made.path.parent.iterdir()] == [made.path.name]


def test_the_models_own_tokenizer_is_preferred_and_its_class_is_not(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", byte_level())
    build_tokenizer(byte_level(**{"tokenizer.ggml.pre": "gpt-2"})).save(str(tmp_path / "tokenizer.json"))
    config = {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": "evil.py"}, "eos_token": {"content": "</s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    made = make_tokenizer_folder(tmp_path)
    assert (made.source, made.end_tokens) == ("tokenizer.json", (END, END + 2))
    kept = json.loads((made.path / "tokenizer_config.json").read_text())
    assert kept["eos_token"] == "</s>"
    assert kept["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "auto_map" not in kept


def test_missing_things_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="gone"):
        make_tokenizer_folder(tmp_path / "gone")
    with pytest.raises(UnsupportedError, match=r"tokenizer\.json"):
        make_tokenizer_folder(tmp_path)
    (tmp_path / "m.gguf").write_bytes(b"not a gguf")
    with pytest.raises(InvalidInputError, match=r"m\.gguf"):
        make_tokenizer_folder(tmp_path)
