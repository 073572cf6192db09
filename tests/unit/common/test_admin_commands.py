"""What `ocpplog-admin` says of the schema, and of times without a zone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from ocpplog_common import logging
from ocpplog_common.admin import schema_commands
from ocpplog_common.admin.__main__ import main
from ocpplog_common.clickhouse.migrate import MigrationError
from ocpplog_common.settings import ClickHouseSettings


@pytest.fixture(autouse=True)
def _streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs would hold on to the captured streams of this test."""
    monkeypatch.setattr(logging, "configure", lambda *_: None)


class Schema:
    """One answer after the other, the last one again and again; the clock moves while somebody sleeps."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.looks = 0
        self.now = 100.0

    def missing(self, _: ClickHouseSettings | None = None) -> Sequence[str]:
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, within_s: float) -> None:
        schema_commands.wait_for_schema(self.missing, within_s, lambda: self.now, self.sleep)


class TestMigrateCheck:
    def test_waits_for_the_server_and_for_the_schema(self) -> None:
        schema = Schema(OperationalError("refused"), ["0001_a.sql"], ["0001_a.sql"], [])
        schema.wait(600)
        assert (schema.looks, schema.now) == (4, 106)

    @pytest.mark.parametrize("last", [OperationalError("refused"), OSError("no route")])
    def test_says_why_at_the_end(self, last: Exception) -> None:
        schema = Schema(["0001_a.sql"], last)
        with pytest.raises(type(last), match=str(last)):
            schema.wait(5)
        assert schema.now == 105

    def test_without_wait_looks_once(self) -> None:
        schema = Schema(["0001_a.sql", "0002_b.sql"])
        with pytest.raises(MigrationError, match=r"not applied yet: 0001_a.sql, 0002_b.sql"):
            schema.wait(0)
        assert schema.looks == 1

    def test_exit_codes(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        for answer, code, said in (([], 0, "schema is up to date\n"), (["0001_a.sql"], 1, "")):
            monkeypatch.setattr(schema_commands, "_missing", Schema(answer).missing)
            assert main(["migrate", "--check"]) == code
            assert capsys.readouterr().out == said

    @pytest.mark.parametrize("arguments", [["--check", "--wait", "soon"], ["--check", "--wait", "-1"], ["--check", "--print"]])
    def test_what_makes_no_sense(self, arguments: list[str]) -> None:
        with pytest.raises(SystemExit):
            main(["migrate", *arguments])

    def test_wait_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["migrate", "--wait", "5"]) == 1
        assert "--wait goes with --check" in capsys.readouterr().err


@pytest.mark.parametrize("times", [("2026-12-24T00:00Z", "2026-11-24T00:00Z"), ("2026-11-24T00:00Z", "2026-11-24T00:00Z")])
def test_an_audit_wants_a_time_in_which_something_can_be(times: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--from", times[0], "--to", times[1]]) == 1
    found = capsys.readouterr()
    assert "that is no time" in found.err and not found.out


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_an_audit_wants_times_with_their_zone(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["audit", option, "2026-11-24T00:00"])
    assert "'2026-11-24T00:00' is no time with its zone, such as 2026-11-24T18:00Z" in capsys.readouterr().err
