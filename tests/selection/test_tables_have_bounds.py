"""The table of runtimes that were not chosen: every one with its reason, in what a parameter and a status hold."""

import json

from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Refusal
from steps.choice_table import MOST_BYTES, SHORTEST, bounded

REASON = "its entry 0 is for safetensors and the model is gguf; accepted: safetensors, pytorch, onnx, " * 5


def rows(count: int, reason: str = REASON) -> list[Refusal]:
    return [Refusal(runtime=f"team-a/vllm-variant-number-{number}", reason=reason) for number in range(count)]


def size(table: tuple[Refusal, ...]) -> int:
    text = json.dumps([row.model_dump(by_alias=True) for row in table], ensure_ascii=False, separators=(",", ":"))
    return len(text.encode())


def test_two_hundred_runtimes_keep_their_reasons_though_short() -> None:
    table, left_out = bounded(rows(200))
    assert left_out == 0
    assert [row.runtime for row in table] == [row.runtime for row in rows(200)]
    assert all(row.reason.startswith("its entry 0 is for safetensors") for row in table)
    assert MOST_BYTES * 3 // 4 < size(table) <= MOST_BYTES


def test_a_few_are_told_in_full() -> None:
    assert bounded(rows(6)) == (tuple(rows(6)), 0)


def test_a_short_reason_is_not_shortened_for_a_long_one() -> None:
    table, left_out = bounded([*rows(100), *rows(1, "it is disabled")])
    assert left_out == 0
    assert table[-1].reason == "it is disabled"
    assert table[0].reason.endswith("…")


def test_what_has_no_room_at_all_is_counted_from_the_end() -> None:
    many = rows(2000)
    table, left_out = bounded(many)
    assert left_out == 2000 - len(table) > 0
    assert [row.runtime for row in table] == [row.runtime for row in many[: len(table)]]
    assert all(len(row.reason) == SHORTEST for row in table)


@given(
    st.lists(st.builds(Refusal, runtime=st.text(max_size=60), reason=st.text(max_size=400)), max_size=40),
    st.integers(0, 4000),
)
def test_it_never_takes_more_and_loses_nobody(refused: list[Refusal], most: int) -> None:
    table, left_out = bounded(refused, most)
    assert size(table) <= most + len("[]")
    assert len(table) + left_out == len(refused)
    for row, whole in zip(table, refused, strict=False):
        assert row.runtime == whole.runtime
        assert row.reason == whole.reason or whole.reason.startswith(row.reason.removesuffix("…"))
