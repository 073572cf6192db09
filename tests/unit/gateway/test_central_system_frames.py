"""The built-in central system and frames as the field sends them: message ids, broken frames, answers, retries."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ocpplog_common.ocppj import CallError, CallResult, parse
from ocpplog_gateway.central_system import CentralSystem, transaction_ids
from ocpplog_gateway.central_system.transactions import MAX_REMEMBERED
from support.central_system import CountingIds, StandingClock, central_system
from support.ocpp_schemas import VERSIONS, actions

VERSION = pytest.mark.parametrize("subprotocol", VERSIONS)


async def reply(subprotocol: str, frame: bytes) -> bytes | None:
    return await central_system(subprotocol).answer(frame)


def head(frame: bytes | None) -> list[object]:
    """Message type, message id and error code."""
    assert frame is not None
    return list(json.loads(frame)[:3])


class TestMessageIds:
    @VERSION
    @pytest.mark.parametrize(
        "message_id",
        [
            rb'""',
            rb'"1"',
            b'"%b"' % (b"x" * 5_000),
            rb'"\u0041\/\"\\"',
            rb'"\ud83d\ude00"',
            '"é 😀"'.encode(),
            rb'"\ud800"',
        ],
    )
    @pytest.mark.parametrize("action", [b'"Heartbeat"', b'"Nonsense"', b"7"])
    async def test_are_repeated_byte_for_byte(self, subprotocol: str, message_id: bytes, action: bytes) -> None:
        answer = await reply(subprotocol, b'[ 2 ,\t%b , %b, {"a" : 1} ]' % (message_id, action))
        assert answer is not None
        assert answer[1:].startswith((b"3,%b," % message_id, b"4,%b," % message_id)) and answer[:1] == b"["
        assert b" :" not in answer

    async def test_no_blanks_outside_of_texts(self) -> None:
        answer = await reply("ocpp1.6", b'[2, "1", "BootNotification", {}]')
        assert answer is not None and b" " not in answer


class TestBrokenFrames:
    READABLE = (
        b'[2,"1","Boot',
        b'[2,"1","Heartbeat"]',
        b'[2,"1",["Heartbeat"],{}]',
        b'[2,"1","",{}]',
        b'[2,"1","Heartbeat",{]',
        b'["2","1","Heartbeat",{}]',
        b'[2,"1","Heartbeat",' + b"[" * 5_000,
    )
    UNREADABLE = (b"", b"{}", b"[]", b"null", b"\xff\xfe", b'[2,1,"Heartbeat",{}]', b'[2,"\xff","Heartbeat",{}]', b'[2,"tru')

    @pytest.mark.parametrize("frame", READABLE)
    async def test_whose_message_id_can_be_read(self, frame: bytes) -> None:
        assert head(await reply("ocpp1.6", frame)) == [4, "1", "FormationViolation"]
        assert head(await reply("ocpp2.0.1", frame)) == [4, "1", "RpcFrameworkError"]
        assert head(await reply("ocpp2.1", frame)) == [4, "1", "RpcFrameworkError"]

    @pytest.mark.parametrize("frame", UNREADABLE)
    async def test_whose_message_id_cannot_be_read(self, frame: bytes) -> None:
        """OCPP 2.0.1 part 4 section 4.2.3: the error then carries the id -1. OCPP 1.6 has no such rule."""
        assert await reply("ocpp1.6", frame) is None
        assert head(await reply("ocpp2.0.1", frame)) == [4, "-1", "RpcFrameworkError"]
        assert head(await reply("ocpp2.1", frame)) == [4, "-1", "RpcFrameworkError"]

    async def test_of_an_unknown_message_type(self) -> None:
        frame = b'[9,"1","Heartbeat",{}]'
        assert head(await reply("ocpp1.6", frame)) == [4, "1", "FormationViolation"]
        assert head(await reply("ocpp2.1", frame)) == [4, "1", "MessageTypeNotSupported"]

    @VERSION
    async def test_the_description_says_why_and_stays_short(self, subprotocol: str) -> None:
        for frame in (b'[2,"1","Heartbeat"]', b'[2,"1","%b",{}]' % (b"x" * 1_000)):
            answer = await reply(subprotocol, frame)
            assert answer is not None
            assert 0 < len(json.loads(answer)[3]) <= 255
        assert b"CALL with 3 elements" in (await reply(subprotocol, b'[2,"1","Heartbeat"]') or b"")

    @VERSION
    async def test_too_many_elements_are_no_reason_to_refuse(self, subprotocol: str) -> None:
        assert head(await reply(subprotocol, b'[2,"1","Heartbeat",{},1]'))[:2] == [3, "1"]


@VERSION
@pytest.mark.parametrize(
    "frame",
    [
        b'[3,"1",{}]',
        b'[3,"1"]',
        b'[3,"1",{"a',
        b"[3",
        b'["3","1",{}]',
        b'[3.0,"1",{}]',
        b"[3,1,{}]",
        b'[4,"1","InternalError","",{}]',
        b'[4,"-1","RpcFrameworkError","",{}]',
        b'[4,"1"]',
        b'[5,"1","FormatViolation","",{}]',
        b'[6,"1","NotifyPeriodicEventStream",{}]',
        b'[6,"1","Heartbeat",{}]',
        b'[6,"1"',
    ],
)
async def test_answers_and_sends_are_not_answered_even_if_broken(subprotocol: str, frame: bytes) -> None:
    assert await reply(subprotocol, frame) is None


def start(message_id: str, **more: object) -> bytes:
    payload = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-11-24T02:03:31Z"} | more
    return json.dumps([2, message_id, "StartTransaction", payload]).encode()


def stop(transaction_id: object) -> bytes:
    return json.dumps([2, "stop", "StopTransaction", {"transactionId": transaction_id, "meterStop": 1}]).encode()


async def transaction_id(system: CentralSystem, frame: bytes) -> int:
    answer = await system.answer(frame)
    assert answer is not None
    found = json.loads(answer)[2]["transactionId"]
    assert isinstance(found, int)
    return found


class TestRetries:
    """OCPP 1.6 section 3.7: a StartTransaction that is not answered in time comes again."""

    async def test_the_same_request_is_the_same_transaction_under_any_message_id(self) -> None:
        ids = CountingIds()
        system = central_system("ocpp1.6", ids)
        assert [await transaction_id(system, start(message_id)) for message_id in ("a", "a", "b")] == [1, 1, 1]
        assert ids.given == [1]

    @pytest.mark.parametrize(
        "other", [{"connectorId": 2}, {"idTag": "B"}, {"meterStart": 1}, {"timestamp": "2026-11-24T02:03:32Z"}]
    )
    async def test_another_request_is_another_transaction(self, other: dict[str, object]) -> None:
        system = central_system("ocpp1.6")
        assert await transaction_id(system, start("a")) == 1
        assert await transaction_id(system, start("a", **other)) == 2

    async def test_without_a_time_the_message_id_tells(self) -> None:
        system = central_system("ocpp1.6")
        frames = [start(message_id, timestamp=None) for message_id in ("a", "a", "b")]
        assert [await transaction_id(system, frame) for frame in frames] == [1, 1, 2]

    async def test_after_the_end_the_same_request_is_a_new_transaction(self) -> None:
        """A charger whose clock stands still, and whose meter starts at zero each time."""
        system = central_system("ocpp1.6")
        assert await transaction_id(system, start("a")) == 1
        for unrelated in (7, "1", None):
            await system.answer(stop(unrelated))
        assert await transaction_id(system, start("a")) == 1
        await system.answer(stop(1))
        assert await transaction_id(system, start("a")) == 2

    async def test_a_retry_while_the_first_still_waits_for_its_id(self) -> None:
        released = asyncio.Event()
        ids = CountingIds()

        async def slowly() -> int:
            await released.wait()
            return await ids()

        system = CentralSystem("ocpp1.6", StandingClock(), slowly, 300)
        waiting = [asyncio.create_task(transaction_id(system, start(message_id))) for message_id in ("a", "a", "b")]
        await asyncio.sleep(0)
        released.set()
        assert await asyncio.gather(*waiting) == [1, 1, 1]

    async def test_memory_is_bounded(self) -> None:
        system = central_system("ocpp1.6")
        for meter in range(MAX_REMEMBERED + 1):
            await transaction_id(system, start("a", meterStart=meter))
        assert await transaction_id(system, start("a", meterStart=1)) == 2
        assert await transaction_id(system, start("a", meterStart=0)) == MAX_REMEMBERED + 2

    async def test_each_connection_for_itself(self) -> None:
        ids = CountingIds()
        assert await transaction_id(central_system("ocpp1.6", ids), start("a")) == 1
        assert await transaction_id(central_system("ocpp1.6", ids), start("a")) == 2

    async def test_no_id_to_be_had(self) -> None:
        async def failing() -> int:
            raise OSError("no route to host")

        system = CentralSystem("ocpp1.6", StandingClock(), failing, 300)
        assert head(await system.answer(start("a"))) == [4, "a", "InternalError"]
        assert head(await system.answer(b'[2,"b","Heartbeat",{}]'))[:2] == [3, "b"]


class TestTransactionIds:
    @given(st.integers(0, 2**63 - 1))
    @example(0)
    @example(2**30 - 2)
    @example(2**30 - 1)
    def test_tickets_stay_in_the_lower_half(self, offset: int) -> None:
        assert 1 <= transaction_ids.ticket(offset) < 2**30

    def test_tickets_count_and_begin_again(self) -> None:
        assert [transaction_ids.ticket(offset) for offset in (0, 1, 2**30 - 2, 2**30 - 1)] == [1, 2, 2**30 - 1, 1]

    def test_by_lot_from_the_whole_upper_half(self) -> None:
        assert transaction_ids.fallback(lambda n: 0) == 2**30
        assert transaction_ids.fallback(lambda n: n - 1) == 2**31 - 1


ACTIONS = sorted(set().union(*(actions(subprotocol) for subprotocol in VERSIONS)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)
ELEMENTS = st.tuples(
    st.sampled_from([2, 2, 2, 3, 4, 5, 6, 9, "2"]), st.text(max_size=40) | JSON, st.sampled_from(ACTIONS) | JSON, JSON
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A frame that somebody cut, or wrote bytes into."""
    frame = json.dumps(draw(ELEMENTS), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(frame)))
    until = draw(st.integers(at, len(frame)))
    return frame[:at] + draw(st.binary(max_size=4)) + frame[until:]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(st.sampled_from(sorted(VERSIONS)), st.binary(max_size=200) | mutated())
def test_whatever_comes_the_answer_is_a_frame_or_nothing(subprotocol: str, frame: bytes) -> None:
    async def talk() -> None:
        system = central_system(subprotocol)
        answer = await system.answer(frame)
        if answer is not None:
            json.loads(answer)
            # An escaped half of a surrogate pair is repeated as it came, and is no text to our own parser.
            assert isinstance(parse(answer), CallResult | CallError) or b"\\ud" in answer.lower()
            assert await system.answer(answer) is None

    asyncio.run(talk())
