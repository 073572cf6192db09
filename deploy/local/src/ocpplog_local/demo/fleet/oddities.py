"""Frames that are no proper OCPP, of the kinds that real chargers send."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from ocpplog_local.demo.fleet.tempo import Span, draw
from ocpplog_local.demo.scripted import ScriptedChargePoint

_Oddity = Callable[[str, str], str]


def _truncated(message_id: str, now: str) -> str:
    return f'[2,"{message_id}","StatusNotification",{{"connectorId":1,"errorCode":"NoError","status":"Charg'


def _unknown_action(message_id: str, now: str) -> str:
    return f'[2,"{message_id}","NKRSelfTest",{{"result":"passed","at":"{now}"}}]'


def _no_list(message_id: str, now: str) -> str:
    return f'{{"id":"{message_id}","alive":true}}'


def _number_that_is_none(message_id: str, now: str) -> str:
    sample = '{"value":"---","measurand":"Voltage","phase":"L1","unit":"V"}'
    return (
        f'[2,"{message_id}","MeterValues",{{"connectorId":1,"meterValue":[{{"timestamp":"{now}","sampledValue":[{sample}]}}]}}]'
    )


def _answer_nobody_asked_for(message_id: str, now: str) -> str:
    return f'[3,"{message_id}",{{"status":"Accepted"}}]'


ODDITIES: tuple[_Oddity, ...] = (
    _truncated,
    _unknown_action,
    _number_that_is_none,
    _no_list,
    _answer_nobody_asked_for,
)


async def misbehave(point: ScriptedChargePoint, span: Span, rng: random.Random) -> None:
    """Send each oddity in turn, with pauses out of `span`, until cancelled or the connection ends."""
    number = 0
    while True:
        await asyncio.sleep(draw(rng, span))
        oddity = ODDITIES[number % len(ODDITIES)]
        number += 1
        await point.send_raw(oddity(f"odd-{rng.randrange(16**8):08x}", point.stamp()))
