"""`ocpplog-admin audit` on the local ClickHouse."""

from __future__ import annotations

from pathlib import Path

import clickhouse_connect
import pytest

from ocpplog_common.admin.__main__ import main
from support.processes import local_clickhouse
from support.stores import copy_tables

pytestmark = pytest.mark.integration
ONCE, TWICE = "0" * 31 + "1", "0" * 31 + "2"


def test_doubled_names_are_printed_and_end_it_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_tables(tmp_path / "clickhouse")
    with (
        local_clickhouse(tmp_path / "clickhouse") as store,
        clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client,
    ):
        monkeypatch.setenv("OCPPLOG_CLICKHOUSE_URL", store.url)
        times = ("2026-11-24 10:59:59.999", "2026-11-24 10:59:59.999", "2026-11-24 11:00:00.000")
        for connection, at in zip((TWICE, TWICE, ONCE), times, strict=True):
            client.command(
                "INSERT INTO ocpplog.ocpp_log (connection_id, sequence, datetime) SELECT {id:String}::UUID, 7, {at:String}",
                {"id": connection, "at": at},
            )
        for sample in (0, 1, 1, 1):
            client.command(
                "INSERT INTO ocpplog.meter_sample (connection_id, sequence, sample, datetime)"
                " SELECT {id:String}::UUID, 7, {sample:UInt16}, {at:String}",
                {"id": TWICE, "sample": sample, "at": times[0]},
            )
        assert main(["audit", "--from", "2026-11-24T00:00Z", "--to", "2026-11-25T00:00Z"]) == 1
        out, err = capsys.readouterr()
        assert out.splitlines() == [f"ocpp_log {TWICE} 7 2", f"meter_sample {TWICE} 7 1 3"]
        assert err == "ocpplog-admin audit: 2 names are stored more than once\n"
        # Of another time, and of the last day.
        assert main(["audit", "--from", "2026-11-24T11:00Z", "--to", "2026-11-25T00:00Z"]) == 0
        client.command("TRUNCATE TABLE ocpplog.ocpp_log")
        client.command("TRUNCATE TABLE ocpplog.meter_sample")
        assert main(["audit"]) == 0
        assert "nothing is stored twice" in capsys.readouterr().out
