"""Whether partitions are still ours: for how long the coordinator's word holds."""

from __future__ import annotations

from ocpplog_enricher.ownership import Ownership


class Coordinator:
    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answer = True

    async def ask(self, generation: int) -> bool:
        self.asked.append(generation)
        return self.answer


class TestWord:
    async def test_it_holds_for_a_while_and_for_one_generation(self) -> None:
        coordinator, now = Coordinator(), [100.0]
        owned = Ownership(coordinator.ask, 9, lambda: now[0])
        assert await owned.confirmed(1)
        now[0] += 2.9
        assert await owned.confirmed(1)
        assert coordinator.asked == [1]
        assert await owned.confirmed(2)
        now[0] += 3.1
        assert await owned.confirmed(2)
        assert coordinator.asked == [1, 2, 2]

    async def test_a_no_or_a_yes_that_came_too_late_is_none(self) -> None:
        coordinator, now = Coordinator(), [100.0]

        async def slow(generation: int) -> bool:
            now[0] += 10
            return await coordinator.ask(generation)

        assert not await Ownership(slow, 9, lambda: now[0]).confirmed(1)
        coordinator.answer = False
        assert not await Ownership(coordinator.ask, 9, lambda: now[0]).confirmed(1)
