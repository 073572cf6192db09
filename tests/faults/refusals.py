"""ClickHouse itself refuses what is written to it, for a while: its own checks do, by settings of its tables.

`min_free_disk_bytes_to_perform_insert` is compared with what the disk has; short of it, inserts end as on a full disk, with
NOT_ENOUGH_SPACE.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver import Client

from ocpplog_common.clickhouse import tables

TABLES: Final = (tables.LOG, tables.METER_SAMPLE, tables.CONNECTION_EVENT)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is ClickHouse's for it; `value` of a table's `setting` brings it about."""

    name: str
    code: int
    setting: str
    value: int

    def begin(self, client: Client, names: Sequence[str] = TABLES) -> None:
        for name in names:
            client.command(f"ALTER TABLE ocpplog.{name} MODIFY SETTING {self.setting} = {self.value}")

    def end(self, client: Client) -> None:
        """Wherever it was begun, or was not."""
        for name in TABLES:
            client.command(f"ALTER TABLE ocpplog.{name} RESET SETTING {self.setting}")

    @contextlib.contextmanager
    def lasting(self, client: Client, names: Sequence[str] = TABLES) -> Iterator[None]:
        self.begin(client, names)
        try:
            yield
        finally:
            self.end(client)

    def count(self, client: Client) -> int:
        """How often the engine has raised it since it was started, on each of its layers."""
        found = client.query("SELECT value FROM system.errors WHERE code = {code:Int32}", {"code": self.code}).result_rows
        return int(found[0][0]) if found else 0


OUT_OF_DISK: Final = Refusal("out of disk", 243, "min_free_disk_bytes_to_perform_insert", 2**60)
READ_ONLY: Final = Refusal("read-only", 774, "table_readonly", 1)
TOO_MANY_PARTS: Final = Refusal("too many parts", 252, "parts_to_throw_insert", 1)
"""Of a table that has any."""
REFUSALS: Final = (OUT_OF_DISK, READ_ONLY, TOO_MANY_PARTS)
