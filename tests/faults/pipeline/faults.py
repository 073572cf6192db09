"""What can go wrong between a charger and the page that shows its messages, and how often it does in a round."""

from __future__ import annotations

from typing import Final

from faults.pipeline import outages, processes
from faults.pipeline.story import Happening
from support.broker import DURABLE, REPLICATION

FAULTS: Final = (
    Happening("gateway SIGKILL", "gateway", processes.gateway_killed, 3),
    Happening("gateway SIGTERM", "gateway", processes.gateway_terminated, 2),
    Happening("gateway SIGSTOP", "sleep", processes.gateway_frozen, 2),
    Happening("enricher SIGKILL", "enricher", processes.enricher_killed),
    Happening("enricher SIGTERM", "enricher", processes.enricher_terminated),
    Happening("enricher zombie", "enricher", processes.enricher_zombie, 2),
    Happening("rebalances", "guest", processes.rebalances),
    Happening("central system SIGKILL", "central", processes.central_killed),
    Happening("central system SIGTERM", "central", processes.central_terminated),
    Happening("central system SIGSTOP", "central", processes.central_frozen),
    Happening("API ends", "api", processes.api_ends),
    Happening("API SIGSTOP", "api", processes.api_frozen),
    Happening("Kafka SIGSTOP", "kafka", outages.kafka_frozen, 3),
    Happening("Kafka restarted", "kafka", outages.kafka_restarted, 3, lambda: DURABLE),
    Happening("Kafka SIGTERM", "kafka", outages.kafka_terminated, 2, lambda: DURABLE),
    Happening("Kafka leader", "kafka", outages.kafka_leader, 4, lambda: REPLICATION > 1),
    Happening("ClickHouse SIGKILL", "store", outages.store_killed, 2),
    Happening("ClickHouse SIGTERM", "store", outages.store_terminated),
    Happening("ClickHouse SIGSTOP", "store", outages.store_frozen),
    Happening("ClickHouse network", "store", outages.store_network, 2),
    Happening("ClickHouse out of disk", "store", outages.store_out_of_disk, 2),
    Happening("ClickHouse read-only", "store", outages.store_read_only),
    Happening("ClickHouse too many parts", "store", outages.store_too_many_parts),
    Happening("network charger-gateway", "door", outages.charger_network, 2),
    Happening("network gateway-central system", "upstream", outages.upstream_network, 2),
    Happening("network gateway-Kafka", "way to Kafka", outages.kafka_network, 4),
    Happening("network enricher-Kafka", "enrichers to Kafka", outages.enricher_network),
    Happening("gateway ends while Kafka is silent", "gateway", outages.gateway_ends_in_silence, 5),
    Happening("clock jump", "clock", outages.clock_jumps),
)
