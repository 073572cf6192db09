"""The broker that tests run on: the embedded one, or Apache Kafka where its jars are given."""

from __future__ import annotations

import contextlib

from support.apache_kafka import JARS, apache_kafka
from support.processes import embedded_kafka

IDEMPOTENCE = bool(JARS)
"""Whether the broker knows idempotent producers: the embedded one does not."""


def kafka() -> contextlib.AbstractContextManager[str]:
    """A fresh broker; gives host:port."""
    return apache_kafka() if JARS else embedded_kafka()
