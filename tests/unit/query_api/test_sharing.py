import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ocpplog_query_api.sharing import Shared

FRESH_S = 1.0


class Asked:
    """Counts how often it is asked; answers when it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times, self.cancelled, self.go, self._error = 0, 0, asyncio.Event(), error

    async def __call__(self) -> bytes:
        self.times += 1
        number = self.times
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error:
            raise self._error
        return b"answer %d" % number


async def started(shared: Shared, ask: Callable[[], Coroutine[Any, Any, bytes]], *keys: str) -> list[asyncio.Task[bytes]]:
    tasks = [asyncio.create_task(shared.answer(key, ask)) for key in keys]
    await asyncio.sleep(0.01)
    return tasks


async def test_who_asks_the_same_meanwhile_gets_the_same_answer() -> None:
    shared, asked = Shared(FRESH_S), Asked()
    tasks = await started(shared, asked, "a", "a", "a")
    asked.go.set()
    assert await asyncio.gather(*tasks) == [b"answer 1"] * 3


async def test_an_answer_that_is_not_kept_is_held_by_nobody() -> None:
    shared, asked = Shared(FRESH_S), Asked()
    [task] = await started(shared, asked, "a")
    flight = weakref.ref(shared._flights["a"].task)
    asked.go.set()
    await task
    gc.collect()
    assert flight() is None


async def test_other_questions_have_other_answers() -> None:
    shared, asked = Shared(FRESH_S), Asked()
    tasks = await started(shared, asked, "a", "b")
    asked.go.set()
    assert await asyncio.gather(*tasks) == [b"answer 1", b"answer 2"]


async def test_an_answer_that_has_come_is_not_kept() -> None:
    shared, asked = Shared(FRESH_S), Asked()
    asked.go.set()
    assert await shared.answer("a", asked) == b"answer 1"
    assert await shared.answer("a", asked) == b"answer 2"


async def test_an_old_question_is_not_joined_and_the_newer_one_is() -> None:
    now = 0.0
    shared, asked = Shared(FRESH_S, lambda: now), Asked()
    old = await started(shared, asked, "a")
    now = FRESH_S + 0.1
    new = await started(shared, asked, "a", "a")
    asked.go.set()
    assert await asyncio.gather(*old, *new) == [b"answer 1", b"answer 2", b"answer 2"]


async def test_an_error_reaches_everyone_and_is_asked_again() -> None:
    shared, asked = Shared(FRESH_S), Asked(OSError("gone"))
    tasks = await started(shared, asked, "a", "a")
    asked.go.set()
    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["gone", "gone"]
    with pytest.raises(OSError, match="gone"):
        await shared.answer("a", asked)
    assert asked.times == 2


async def test_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    shared, asked = Shared(FRESH_S), Asked()
    first, second = await started(shared, asked, "a", "a")
    first.cancel()
    await asyncio.sleep(0.01)
    asked.go.set()
    assert (await second, asked.cancelled) == (b"answer 1", 0)


async def test_when_everyone_has_left_it_is_cancelled_and_asked_anew() -> None:
    shared, asked = Shared(FRESH_S), Asked()
    tasks = await started(shared, asked, "a", "a")
    for task in tasks:
        task.cancel()
    await asyncio.sleep(0.01)
    assert asked.cancelled == 1
    asked.go.set()
    assert await shared.answer("a", asked) == b"answer 2"


class TestKept:
    async def test_it_is_given_to_who_comes_later(self) -> None:
        now = 0.0
        shared, asked = Shared(FRESH_S, lambda: now), Asked()
        asked.go.set()
        assert await shared.kept("like", "a", asked) == b"answer 1"
        now = FRESH_S - 0.1
        assert await shared.kept("like", "b", asked) == b"answer 1"
        assert await shared.kept("other", "b", asked) == b"answer 2"
        now = 2 * FRESH_S
        assert await shared.kept("like", "c", asked) == b"answer 3"

    async def test_while_it_is_asked_for_anew_nobody_waits(self) -> None:
        now = 0.0
        shared, asked = Shared(FRESH_S, lambda: now), Asked()
        asked.go.set()
        await shared.kept("like", "a", asked)
        asked.go.clear()
        now = FRESH_S + 0.1
        assert [await shared.kept("like", key, asked) for key in "bcd"] == [b"answer 1"] * 3
        await asyncio.sleep(0.01)
        assert asked.times == 2
        asked.go.set()
        await asyncio.sleep(0.01)
        now += FRESH_S - 0.1
        assert await shared.kept("like", "e", asked) == b"answer 2"

    async def test_what_comes_late_is_as_old_as_its_question(self) -> None:
        now = 0.0
        shared, asked = Shared(FRESH_S, lambda: now), Asked()
        task = asyncio.create_task(shared.kept("like", "a", asked))
        await asyncio.sleep(0.01)
        now = FRESH_S - 0.1
        joined = asyncio.create_task(shared.kept("like", "a", asked))
        await asyncio.sleep(0.01)
        now = 2 * FRESH_S
        asked.go.set()
        assert [await task, await joined] == [b"answer 1"] * 2
        assert await shared.kept("like", "b", asked) == b"answer 2"

    async def test_who_leaves_takes_nothing_from_who_asks_for_it_anew(self) -> None:
        now = 0.0
        shared, asked = Shared(FRESH_S, lambda: now), Asked()
        asked.go.set()
        await shared.kept("like", "a", asked)
        asked.go.clear()
        now = FRESH_S
        await shared.kept("like", "b", asked)
        waiting = asyncio.create_task(shared.answer("b", asked))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.sleep(0.01)
        asked.go.set()
        await asyncio.sleep(0.01)
        assert (await shared.kept("like", "c", asked), asked.cancelled) == (b"answer 2", 0)

    async def test_an_error_is_not_kept(self) -> None:
        shared, asked = Shared(FRESH_S), Asked(OSError("gone"))
        asked.go.set()
        for _ in range(2):
            with pytest.raises(OSError, match="gone"):
                await shared.kept("like", "a", asked)
        assert asked.times == 2

    async def test_an_error_of_asking_anew_is_met_when_the_old_answer_is_gone(self) -> None:
        now = 0.0
        shared, asked, broken = Shared(FRESH_S, lambda: now), Asked(), Asked(OSError("gone"))
        asked.go.set()
        broken.go.set()
        await shared.kept("like", "a", asked)
        now = FRESH_S
        for _ in range(2):
            assert await shared.kept("like", "b", broken) == b"answer 1"
            await asyncio.sleep(0.01)
        now = 2 * FRESH_S
        with pytest.raises(OSError, match="gone"):
            await shared.kept("like", "c", broken)
        assert broken.times == 3

    async def test_it_is_forgotten_by_itself(self) -> None:
        shared, asked = Shared(0.01), Asked()
        asked.go.set()
        await shared.kept("like", "a", asked)
        assert shared._kept
        await asyncio.sleep(0.05)
        assert not shared._kept and not shared._flights


async def test_nothing_is_shared_where_nobody_wants_that() -> None:
    shared, asked = Shared(0.0), Asked()
    tasks = await started(shared, asked, "a", "a")
    asked.go.set()
    assert await asyncio.gather(*tasks) == [b"answer 1", b"answer 2"]
    assert await shared.kept("like", "a", asked) == b"answer 3"
    assert not shared._kept
