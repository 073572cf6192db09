"""The cases of the table below "How exchanges end" in docs/architecture.md, in its order."""

from __future__ import annotations

from typing import Any

import pytest

from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.pairing import Exchange, Outcome

from .test_pairing import CHARGER, CSMS, NEW, OLD, SECOND, Stream, outcomes

CALL, RESULT = b'[2,"1","Heartbeat",{}]', b'[3,"1",{}]'


def told(exchanges: list[Exchange]) -> list[tuple[Outcome, list[int]]]:
    """How they ended, and the offsets of their frames."""
    return [(exchange.outcome, list(exchange.offsets())) for exchange in exchanges]


class TestIds:
    def test_both_directions_at_once_whichever_answers_first(self) -> None:
        for first, second in ((CHARGER, CSMS), (CSMS, CHARGER)):
            stream = Stream()
            stream.send(CALL, CHARGER)
            stream.send(b'[2,"1","Reset",{}]', CSMS)
            asked_by = {CSMS: 0, CHARGER: 1}
            assert told(stream.send(RESULT, first)) == [(Outcome.RESULT, [asked_by[first], 2])]
            assert told(stream.send(b'[4,"1","InternalError"]', second)) == [(Outcome.ERROR, [asked_by[second], 3])]

    def test_a_retry_while_open_takes_the_answer_and_the_second_answer_is_unmatched(self) -> None:
        stream = Stream()
        stream.send(CALL)
        assert told(stream.send(CALL)) == [(Outcome.SUPERSEDED, [0])]
        assert told(stream.send(RESULT, CSMS)) == [(Outcome.RESULT, [1, 2])]
        assert told(stream.send(RESULT, CSMS)) == [(Outcome.UNMATCHED, [3])]

    def test_a_retry_after_the_answer_is_an_exchange_of_its_own(self) -> None:
        stream = Stream()
        stream.send(CALL)
        stream.send(RESULT, CSMS)
        assert stream.send(CALL) == []
        assert told(stream.send(RESULT, CSMS)) == [(Outcome.RESULT, [2, 3])]

    def test_a_retry_after_the_timeout_is_an_exchange_of_its_own(self) -> None:
        stream = Stream()
        stream.send(CALL, at=0)
        assert told(stream.send(CALL, at=60)) == [(Outcome.TIMEOUT, [0])]
        assert told(stream.send(RESULT, CSMS, at=61)) == [(Outcome.RESULT, [1, 2])]

    @pytest.mark.parametrize("name", [b"", b"x" * 300, "é\\u00e9".encode()])
    def test_odd_ids_pair_like_others(self, name: bytes) -> None:
        stream = Stream()
        stream.send(b'[2,"%b","Heartbeat",{}]' % name)
        assert told(stream.send(b'[3,"%b",{}]' % name, CSMS)) == [(Outcome.RESULT, [0, 1])]


class TestLateAnswers:
    def test_after_the_timeout(self) -> None:
        stream = Stream()
        stream.send(CALL, at=0)
        ended = stream.send(RESULT, CSMS, at=60)
        assert told(ended) == [(Outcome.TIMEOUT, [0]), (Outcome.UNMATCHED, [1])]
        assert ended[0].violations == ()

    def test_after_the_timeout_by_the_wall_clock(self) -> None:
        stream = Stream()
        stream.send(CALL, at=0)
        [gone] = stream.pairing.expire_quiet(60 * SECOND, 0)
        assert (gone.outcome, gone.closed_offset) == (Outcome.TIMEOUT, 0)
        assert told(stream.send(RESULT, CSMS, at=1)) == [(Outcome.UNMATCHED, [1])]

    def test_without_a_request(self) -> None:
        for answer in (RESULT, b'[4,"1","GenericError","",{}]'):
            [lonely] = Stream().send(answer, CSMS)
            row = fields.enrich(lonely, 0).log
            assert (row.outcome, row.source, row.action, row.message_id) == ("unmatched", "charger", "", "1")
            assert row.violations == ["message id: an answer to no open request"]


class TestReconnect:
    """An id belongs to its connection: what a newer one says answers nothing of an older."""

    def test_answer_on_the_old_connection_before_the_new_one_is_seen(self) -> None:
        stream = Stream()
        stream.send(CALL, connection=OLD)
        assert told(stream.send(RESULT, CSMS, connection=OLD)) == [(Outcome.RESULT, [0, 1])]
        assert stream.send(b'[2,"1","BootNotification",{}]', connection=NEW) == []

    def test_answer_on_the_old_connection_after_the_first_frame_of_the_new_one(self) -> None:
        stream = Stream()
        stream.send(CALL, connection=OLD)
        assert told(stream.send(b'[2,"1","BootNotification",{}]', connection=NEW)) == [(Outcome.LOST, [0])]
        assert told(stream.send(RESULT, CSMS, connection=OLD)) == [(Outcome.UNMATCHED, [2])]
        assert told(stream.send(RESULT, CSMS, connection=NEW)) == [(Outcome.RESULT, [1, 3])]

    def test_answer_as_the_first_frame_of_the_new_connection(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Reset",{}]', CSMS, connection=OLD)
        assert told(stream.send(RESULT, CHARGER, connection=NEW)) == [(Outcome.LOST, [0]), (Outcome.UNMATCHED, [1])]

    def test_answer_on_the_new_connection_after_its_first_frame(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Reset",{}]', CSMS, connection=OLD)
        assert told(stream.send(b'[2,"7","BootNotification",{}]', connection=NEW)) == [(Outcome.LOST, [0])]
        assert told(stream.send(RESULT, CHARGER, connection=NEW)) == [(Outcome.UNMATCHED, [2])]

    def test_another_charger_of_the_partition_loses_nothing(self) -> None:
        stream = Stream()
        stream.send(CALL, connection=OLD, charger="CP1")
        assert stream.send(CALL, connection=NEW, charger="CP2") == []
        assert told(stream.send(RESULT, CSMS, connection=OLD, charger="CP1")) == [(Outcome.RESULT, [0, 2])]


class TestOcpp21:
    REFUSED = b'[5,"19223201-abc","FormationViolation","no such field",{"x":1}]'

    def refused(self, **more: Any) -> Exchange:
        stream = Stream(**{"subprotocol": "ocpp2.1", **more})
        stream.send(b'[2,"19223201-abc","Authorize",{}]')
        stream.send(b'[3,"19223201-abc",{}]', CSMS)
        [exchange] = stream.send(self.REFUSED, CHARGER)
        return exchange

    def test_a_refused_response_is_a_row_of_its_own_that_names_the_message(self) -> None:
        row = fields.enrich(self.refused(), 0).log
        assert (row.outcome, row.action, row.message_id) == ("error", "", "19223201-abc")
        assert row.source == "charger", "who asked refuses the response"
        assert (row.request, row.response_error_code) == ("", "FormationViolation")
        assert row.violations == ["frame: CALLRESULTERROR: the response to message id '19223201-abc' was refused"]

    def test_is_logged_like_what_has_no_action(self) -> None:
        assert self.refused(admits=lambda site, action, at: action == "").admitted

    def test_does_not_end_what_is_open(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Reset",{}]', CSMS)
        assert told(stream.send(b'[5,"1","GenericError"]', CHARGER)) == [(Outcome.ERROR, [1])]
        assert told(stream.send(RESULT, CHARGER)) == [(Outcome.RESULT, [0, 2])]

    def test_send_with_the_id_of_an_open_request_leaves_it_open(self) -> None:
        stream = Stream()
        stream.send(CALL)
        assert told(stream.send(b'[6,"1","NotifyPeriodicEventStream",{}]')) == [(Outcome.SENT, [1])]
        assert told(stream.send(RESULT, CSMS)) == [(Outcome.RESULT, [0, 2])]

    @pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
    def test_where_the_version_has_no_such_message_it_says_so(self, version: str) -> None:
        found = self.refused(subprotocol=version)
        assert found.outcome is Outcome.ERROR and found.admitted
        assert fields.enrich(found, 0).log.violations == [
            "frame: CALLRESULTERROR: the response to message id '19223201-abc' was refused",
            f"frame: message type 5 (CALLRESULTERROR) is not in {version}",
        ]
        [sent] = Stream(subprotocol=version).send(b'[6,"1","Heartbeat",{}]')
        assert sent.outcome is Outcome.SENT
        assert fields.enrich(sent, 0).log.violations == [f"frame: message type 6 (SEND) is not in {version}"]

    def test_a_send_is_none_in_21(self) -> None:
        [sent] = Stream(subprotocol="ocpp2.1").send(b'[6,"1","Heartbeat",{}]')
        assert sent.violations == ()

    def test_an_answer_to_a_send_is_unmatched(self) -> None:
        stream = Stream()
        stream.send(b'[6,"1","NotifyPeriodicEventStream",{}]')
        assert outcomes(stream.send(RESULT, CSMS)) == [Outcome.UNMATCHED]

    def test_send_follows_the_level_of_its_action(self) -> None:
        stream = Stream(admits=lambda site, action, at: action == "NotifyPeriodicEventStream")
        assert [e.admitted for e in stream.send(b'[6,"1","NotifyPeriodicEventStream",{}]')] == [True]
        assert [e.admitted for e in stream.send(b'[6,"2","Other",{}]')] == [False]
