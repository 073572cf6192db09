"""Faust's transport in batches: portions, and what is committed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.transport import drivers
from faust.types import TP

from ocpplog_enricher import kafka_driver
from ocpplog_enricher.kafka_driver import BATCH_RECORDS, BatchConsumer, BatchScheduler, batch_topic, options

A, B = TP("frames", 0), TP("frames", 1)


class TestScheduler:
    def test_what_a_poll_brought_of_a_partition_stays_together(self) -> None:
        records: dict[TP, list[Any]] = {A: [1, 2, 3], B: ["x"]}
        assert list(BatchScheduler().iterate(records)) == [(A, [1, 2, 3]), (B, ["x"])]

    def test_nothing(self) -> None:
        assert list(BatchScheduler().iterate({})) == []


@pytest.fixture
def app() -> Any:
    return faust.App("test", store="memory://", **options("127.0.0.1:1, 127.0.0.2:2"))


def test_the_scheme_leads_to_the_driver(app: Any) -> None:
    assert [str(url) for url in app.conf.broker_consumer] == ["kafka-batches://127.0.0.1:1", "kafka-batches://127.0.0.2:2"]
    assert drivers.by_url(app.conf.broker_consumer[0]) is kafka_driver.Transport
    assert app.conf.ConsumerScheduler is BatchScheduler
    assert app.conf.broker_max_poll_records == BATCH_RECORDS


async def test_an_event_is_a_batch(app: Any) -> None:
    consumer = _consumer(app)
    records: Any = [
        SimpleNamespace(offset=7, timestamp=1500, timestamp_type=0),
        SimpleNamespace(offset=9, timestamp=2500, timestamp_type=0),
    ]
    message = consumer._to_message(A, records)
    event = await batch_topic(app, "frames").decode(message)
    batch = event.value
    assert (batch.topic, batch.partition, batch.records) == ("frames", 0, records)
    assert (message.offset, message.timestamp, batch.generation) == (9, 2.5, message.generation_id)


class TestFinished:
    async def test_what_is_committed(self, app: Any) -> None:
        consumer = _consumer(app, A, B)
        # Of A, which is new to the group, Faust has no entry.
        consumer._committed_offset[B] = 40
        assert _committable(consumer) == {}
        for place, offset in ((A, 3), (B, 40), (A, 5)):
            consumer.finished(place.topic, place.partition, app.consumer_generation_id, offset)
        # 40 is committed already.
        assert _committable(consumer) == {A: 5}
        consumer._committed_offset[A] = 5
        assert _committable(consumer) == {}

    async def test_of_another_generation_or_partition_nothing_is(self, app: Any) -> None:
        consumer = _consumer(app, A)
        consumer.finished("frames", 0, app.consumer_generation_id - 1, 5)
        consumer.finished("frames", 1, app.consumer_generation_id, 5)
        assert _committable(consumer) == {}

    async def test_nothing_is_of_a_partition_that_has_gone(self, app: Any) -> None:
        consumer = _consumer(app, A)
        consumer.finished("frames", 0, app.consumer_generation_id, 5)

        async def revoked(_: Any) -> None: ...

        consumer._on_partitions_revoked = revoked
        await consumer.on_partitions_revoked({A})
        assert _committable(consumer) == {}


async def test_partitions_that_are_new_to_the_group_are_read_from_their_beginning_after_a_rebalance(app: Any) -> None:
    consumer = _consumer(app, A, B)
    # What the last generation read: of A nothing was committed.
    consumer._read_offset.update({A: 120, B: 50})
    asked: list[Any] = []

    class Thread:
        async def seek_to_committed(self) -> dict[TP, int | None]:
            return {A: None, B: 40}

        async def seek_to_beginning(self, *places: TP) -> None:
            asked.extend(places)

    consumer._thread = Thread()
    await consumer.perform_seek()
    assert asked == [A]
    assert (consumer._read_offset[A], consumer._read_offset[B]) == (None, 40)


@pytest.mark.parametrize(("assigned", "position"), [(True, None), (True, 7), (False, None)])
async def test_faust_may_look_at_a_partition_that_came_or_went_just_now(app: Any, assigned: bool, position: int | None) -> None:
    subscription = SubscriptionState()
    subscription.subscribe({"frames"})
    subscription.assign_from_subscribed({TopicPartition("frames", 0)} if assigned else set())
    if assigned:
        state = subscription.subscription.assignment.state_value(TopicPartition("frames", 0))
        state.timestamp = 1
        if position is not None:
            state.reset_to(position)
    consumer = _consumer(app, A)
    consumer._thread = consumer._new_consumer_thread()
    consumer._thread._consumer = SimpleNamespace(_fetcher=SimpleNamespace(_subscriptions=subscription))
    consumer.verify_event_path(0.0, A)


class Consumer(BatchConsumer):
    """Without a connection: `assigned` are its partitions."""

    assigned: set[TP]

    def assignment(self) -> set[TP]:
        return self.assigned


def _consumer(app: Any, *assigned: TP) -> Consumer:
    async def callback(*_: Any) -> None: ...

    found = Consumer(app.transport, callback, callback, callback)
    found.assigned = set(assigned)
    return found


def _committable(consumer: BatchConsumer) -> dict[TP, int]:
    found: dict[TP, int] = consumer._filter_committable_offsets(list(consumer._filter_tps_with_pending_acks()))
    return found
