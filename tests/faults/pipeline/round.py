"""A round through the whole pipeline, a function of its seed but for real time: a fleet, some faults, then all heals."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from faults.pipeline.faults import FAULTS
from faults.pipeline.reader import Reader
from faults.pipeline.rig import Pipeline
from faults.pipeline.story import Story
from faults.pipeline.verdict import Verdict, judge

_WARM_UP_S: Final = (1.5, 3.0)
_WELL_AGAIN_S: Final = 30.0
"""Within which a gateway notices that Kafka takes what others send."""


class Round:
    def __init__(self, pipeline: Pipeline, seed: int) -> None:
        self.pipeline = pipeline
        self.chance = random.Random(f"{seed} round")
        self.story = Story(pipeline, seed)

    async def run(self) -> Verdict:
        pipeline, story = self.pipeline, self.story
        story.crew = [pipeline.enricher().start() for _ in range(self.chance.randint(1, 2))]
        await asyncio.gather(*(asyncio.to_thread(one.wait) for one in story.crew))
        settings = pipeline.settings
        story.say(
            f"{pipeline.fleet.scenario.name}, {len(pipeline.fleet.chargers)} chargers, {len(pipeline.gateways)} gateways "
            f"({settings['gateway_mode']}, {settings['gateway_buffer_bytes']} bytes), {len(story.crew)} enrichers"
        )
        watching = [asyncio.create_task(gateway.watch()) for gateway in pipeline.gateways]
        reader = Reader(pipeline.api)
        reading = asyncio.create_task(reader.run())
        try:
            pipeline.fleet.start()
            await self._faults()
            await self._heal()
        finally:
            for task in (*watching, reading):
                task.cancel()
            ended = await asyncio.gather(*watching, reading, return_exceptions=True)
        # Who stopped looking has seen nothing wrong.
        for error in ended:
            if isinstance(error, Exception):
                raise error
        verdict = await judge(pipeline, story, reader)
        await self._end(verdict)
        return verdict

    async def _faults(self) -> None:
        await asyncio.sleep(self.chance.uniform(*_WARM_UP_S))
        for _ in range(self.chance.randint(1, 6)):
            kinds = [kind for kind in FAULTS if kind.possible()]
            kind = self.chance.choices(kinds, [kind.weight for kind in kinds])[0]
            together = self.chance.random() < 0.5
            await self.story.happen(kind, in_background=together)
            await asyncio.sleep(self.chance.uniform(0.3, 2))

    async def _heal(self) -> None:
        """Everything runs and is reachable; then every charger comes once more, and everything is written."""
        story, pipeline = self.story, self.pipeline
        await story.heal()
        await pipeline.kafka_answers()
        story.say("all is well again")
        for problem in await pipeline.well_again(_WELL_AGAIN_S):
            story.wrong(problem)
        story.say("the gateways say so too")
        await asyncio.sleep(1)
        await pipeline.fleet.stop()
        await pipeline.fleet.last_visits()
        if problem := await pipeline.drained():
            story.wrong(problem)
        for gateway in pipeline.gateways:
            code = await asyncio.to_thread(gateway.terminate)
            if code:
                story.wrong(f"gateway {gateway.number} ended with {code}")

    async def _end(self, verdict: Verdict) -> None:
        verdict.wrong("wrong ends of enrichers", await self.pipeline.ended())
        verdict.counts["restarts of enrichers"] = self.pipeline.restarts
