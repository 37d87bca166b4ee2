"""The keyed queue: each key once, one worker a key, urgent keys first but never alone, failures later and later."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.actions import Key
from controller.queue import KeyedQueue, QueueClosedError


def _key(name: str) -> Key:
    return Key("ClusterBaseModel", "", name)


def _run(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(steps, 30))


async def _take(queue: KeyedQueue) -> str:
    key, _ = await queue.take()
    return key.name


def test_a_key_added_twice_is_taken_once() -> None:
    async def steps() -> None:
        queue = KeyedQueue()
        for name in ("a", "b", "a"):
            queue.add(_key(name))
        assert [await _take(queue), await _take(queue), queue.depth] == ["a", "b", 0]

    _run(steps())


def test_a_key_that_changes_while_it_is_worked_on_comes_again_afterwards() -> None:
    async def steps() -> None:
        queue = KeyedQueue()
        queue.add(_key("a"))
        await _take(queue)
        queue.add(_key("a"))
        assert queue.depth == 0
        queue.done(_key("a"))
        assert [await _take(queue), queue.depth] == ["a", 0]
        queue.done(_key("a"))
        assert queue.depth == 0
        queue.add(_key("a"))
        assert queue.depth == 1

    _run(steps())


def test_a_waiting_key_that_becomes_urgent_overtakes_and_comes_once() -> None:
    async def steps() -> None:
        queue = KeyedQueue()
        for name in ("a", "b", "c"):
            queue.add(_key(name))
        queue.add(_key("c"), is_urgent=True)
        assert [await _take(queue) for _ in range(3)] == ["c", "a", "b"]
        assert queue.depth == 0

    _run(steps())


@pytest.mark.parametrize(
    ("patience_seconds", "expected"),
    [
        (1000.0, ["urgent-0", "urgent-1", "urgent-2", "urgent-3", "other-0", "other-1"]),
        (0.0, ["urgent-0", "other-0", "urgent-1", "other-1", "urgent-2", "urgent-3"]),
    ],
)
def test_urgent_keys_go_first_until_the_others_have_waited_long(patience_seconds: float, expected: list[str]) -> None:
    async def steps() -> None:
        queue = KeyedQueue(patience_seconds=patience_seconds)
        for name in ("urgent-0", "other-0", "other-1"):
            queue.add(_key(name))
        for number in range(4):
            queue.add(_key(f"urgent-{number}"), is_urgent=True)
        assert [await _take(queue) for _ in expected] == expected
        assert queue.depth == 0

    _run(steps())


async def _with_two_others_at_work(calm_seconds: float) -> tuple[KeyedQueue, "asyncio.Task[str]"]:
    """A queue with an urgent key and two others that are worked on and a third other, and who waits for the next."""
    queue = KeyedQueue(calm_seconds=calm_seconds)
    queue.add(_key("urgent"), is_urgent=True)
    for name in ("a", "b", "c"):
        queue.add(_key(name))
    assert [await _take(queue) for _ in range(3)] == ["urgent", "a", "b"]
    return queue, asyncio.ensure_future(_take(queue))


def test_no_more_than_two_others_are_worked_on_while_urgent_keys_come() -> None:
    async def steps() -> None:
        queue, taker = await _with_two_others_at_work(calm_seconds=1000.0)
        await asyncio.sleep(0.05)
        assert not taker.done()
        queue.done(_key("a"))
        assert await taker == "c"
        queue.close()

    _run(steps())


@pytest.mark.parametrize("name", ["another", "c"])
def test_an_urgent_key_is_taken_at_once_where_others_have_to_wait_even_if_it_was_one_of_them(name: str) -> None:
    async def steps() -> None:
        queue, taker = await _with_two_others_at_work(calm_seconds=1000.0)
        await asyncio.sleep(0)
        queue.add(_key(name), is_urgent=True)
        assert await taker == name
        queue.close()

    _run(steps())


def test_others_that_have_waited_long_are_taken_beside_two_others() -> None:
    async def steps() -> None:
        queue = KeyedQueue(patience_seconds=0.0, calm_seconds=1000.0)
        queue.add(_key("urgent"), is_urgent=True)
        for name in ("a", "b", "c"):
            queue.add(_key(name))
        assert [await _take(queue) for _ in range(4)] == ["urgent", "a", "b", "c"]
        queue.close()

    _run(steps())


def test_all_workers_take_others_when_no_urgent_key_has_come_for_a_while() -> None:
    async def steps() -> None:
        queue, taker = await _with_two_others_at_work(calm_seconds=0.05)
        assert await taker == "c"
        queue.close()

    _run(steps())


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, [0.5, 1.0, 2.0, 2.5]), (1.0, [1.0, 2.0, 4.0, 5.0])])
def test_delays_double_up_to_the_longest(jitter: float, expected: list[float]) -> None:
    async def steps() -> None:
        queue = KeyedQueue(1.0, 5.0, lambda: jitter)
        assert [queue.retry(_key("a")) for _ in range(4)] == expected
        assert queue.delayed == 1
        queue.succeeded(_key("a"))
        assert queue.retry(_key("a"), at_least_seconds=7.0) == 7.0
        queue.close()

    _run(steps())


def test_a_delayed_key_comes_when_its_time_has_come_and_a_change_does_not_wait_for_it() -> None:
    async def steps() -> None:
        queue = KeyedQueue()
        queue.add_after(_key("late"), 1000.0)
        queue.add_after(_key("soon"), 0.01)
        assert await _take(queue) == "soon"
        queue.add(_key("late"))
        assert await _take(queue) == "late"
        queue.close()

    _run(steps())


def test_closing_wakes_those_who_wait() -> None:
    async def steps() -> None:
        queue = KeyedQueue()
        taker = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0)
        queue.close()
        with pytest.raises(QueueClosedError):
            await taker

    _run(steps())


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.sampled_from(["add", "take", "done"]))))
def test_whatever_happens_no_key_is_with_two_workers_and_none_is_lost(
    moves: list[tuple[str, bool, str]],
) -> None:
    async def steps() -> None:
        queue = KeyedQueue(calm_seconds=0.001)
        held: set[str] = set()
        due: set[str] = set()
        for name, is_urgent, move in moves:
            if move == "add":
                queue.add(_key(name), is_urgent=is_urgent)
                due.add(name)
            elif move == "take" and queue.depth:
                taken = await _take(queue)
                assert taken not in held
                held.add(taken)
                due.discard(taken)
            elif move == "done" and held:
                done = min(held)
                held.discard(done)
                queue.done(_key(done))
        for name in held:
            queue.done(_key(name))
        rest = set()
        while queue.depth:
            rest.add(await _take(queue))
        assert rest == due

    _run(steps())
