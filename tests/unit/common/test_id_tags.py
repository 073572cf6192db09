"""What stands for an RFID tag, and the command that tells it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import id_tags, records
from ocpplog_common.admin.__main__ import main
from ocpplog_common.records import IdTags, RecordError, Site

KEY = bytes(range(32))


class TestMasked:
    @pytest.mark.parametrize(
        ("tag", "expected"),
        [
            ("04A1B2C3D4E5F6", "****F6"),
            ("123456", "****56"),
            ("43434", "****4"),
            ("ab", "****"),
            ("", "****"),
            ('12345"6', "****"),
            ("abcdé", "****"),
        ],
    )
    def test_examples(self, tag: str, expected: str) -> None:
        assert id_tags.masked(tag.encode()) == expected

    @given(st.binary(max_size=40))
    def test_never_more_than_a_third_and_safe_in_json(self, tag: bytes) -> None:
        found = id_tags.masked(tag)
        assert re.fullmatch(r"\*{4}[A-Za-z0-9]{0,2}", found)
        assert 3 * (len(found) - 4) <= len(tag)


class TestHashed:
    def test_the_same_in_every_release(self) -> None:
        """Rows of years are searched by it."""
        assert id_tags.hashed(b"04A1B2C3D4E5F6", KEY) == "h:6da05ad578068ead"

    @given(st.text(st.characters(codec="ascii"), max_size=36))
    def test_case_does_not_matter_the_key_does(self, tag: str) -> None:
        found = id_tags.hashed(tag.encode(), KEY)
        assert found == id_tags.hashed(tag.upper().encode(), KEY) == id_tags.hashed(tag.lower().encode(), KEY)
        assert found != id_tags.hashed(tag.encode(), b"another key of the operator's")
        assert re.fullmatch(r"h:[0-9a-f]{16}", found)

    def test_a_key_too_short(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(" short \n")
        with pytest.raises(ValueError, match="16 bytes"):
            id_tags.read_key(tmp_path / "key")


class TestRecord:
    def test_plain_unless_it_says_otherwise(self) -> None:
        assert records.decode_site(b'{"site_id":"a"}').id_tags is IdTags.PLAIN
        site = Site(site_id="a", id_tags=IdTags.HASHED)
        assert records.decode_site(records.encode(site)) == site

    @pytest.mark.parametrize("value", ['"secret"', '"Masked"', "null", "true", '""'])
    def test_nothing_else_is_taken(self, value: str) -> None:
        with pytest.raises(RecordError, match="id_tags"):
            records.decode_site(b'{"site_id":"a","id_tags":%s}' % value.encode())


class TestCommand:
    @pytest.fixture(autouse=True)
    def quiet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Logs would go on to what is captured here, after it is closed.
        monkeypatch.setattr("ocpplog_common.logging.configure", lambda *_: None)

    @pytest.fixture
    def key_file(self, tmp_path: Path) -> str:
        (tmp_path / "key").write_bytes(KEY.hex().encode() + b"\n")
        return str(tmp_path / "key")

    def test_prints_what_the_rows_have(self, key_file: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["hash-tag", "--key-file", key_file, "04a1B2"]) == 0
        assert capsys.readouterr().out == id_tags.hashed(b"04A1B2", KEY.hex().encode()) + "\n"

    def test_of_standard_input(self, key_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("04A1B2\r\n"))
        assert main(["hash-tag", "--key-file", key_file, "-"]) == 0
        assert capsys.readouterr().out == id_tags.hashed(b"04A1B2", KEY.hex().encode()) + "\n"

    def test_makes_no_key(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A key that is new finds nothing."""
        assert main(["hash-tag", "--key-file", str(tmp_path / "none"), "04A1B2"]) == 1
        assert capsys.readouterr().err.startswith("ocpplog-admin hash-tag: ")
        assert not (tmp_path / "none").exists()
