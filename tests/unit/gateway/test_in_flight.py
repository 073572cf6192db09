"""What a direction holds is bounded in items and in bytes, and keeps its order."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from ocpplog_gateway.in_flight import InFlight


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def put_all(queue: InFlight[int], sizes: list[int]) -> None:
    for number, size in enumerate(sizes):
        await queue.put(number, size)


async def test_an_item_longer_than_the_bound_passes_alone() -> None:
    queue: InFlight[int] = InFlight(10, 100)
    putting = asyncio.create_task(put_all(queue, [1, 500, 1]))
    await settle()
    assert not putting.done()
    assert [await queue.get() for _ in range(3)] == [0, 1, 2]
    await putting


@given(sizes=st.lists(st.integers(0, 300), max_size=40), max_items=st.integers(1, 8))
def test_bounded_and_in_order(sizes: list[int], max_items: int) -> None:
    async def run() -> None:
        queue: InFlight[int] = InFlight(max_items, 100)
        held: list[int] = []
        done = 0

        async def put() -> None:
            for number, size in enumerate(sizes):
                await queue.put(number, size)
                held.append(size)

        putting = asyncio.create_task(put())
        while done < len(sizes):
            await settle()
            assert held and len(held) <= max_items
            assert sum(held) <= 100 or len([size for size in held if size]) == 1
            assert await queue.get() == done
            # The one that waits may come in as this one goes out.
            held.pop(0)
            done += 1
        await putting

    asyncio.run(run())
