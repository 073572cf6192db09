"""What Faust is told."""

from __future__ import annotations

from ocpplog_common.settings import KafkaSettings
from ocpplog_enricher.agents import create_faust
from ocpplog_enricher.settings import EnricherSettings


def test_who_leads_a_partition_is_asked_anew_before_anybody_waits_for_it() -> None:
    """Rounds of faults found an enricher that asked, for a minute, a broker that did not lead any more."""
    told = create_faust(EnricherSettings()).conf.consumer_metadata_max_age_ms
    assert told <= 5_000
    assert KafkaSettings().kafka_client()["metadata_max_age_ms"] == told
