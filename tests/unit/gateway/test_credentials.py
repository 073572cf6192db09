"""Credentials by name, and files that are renewed."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

import pytest

from ocpplog_gateway import tls
from ocpplog_gateway.credentials import Credentials
from ocpplog_gateway.errors import CredentialsError
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_gateway.tls import FromFiles
from support.certificates import root


class TestCredentials:
    @pytest.mark.parametrize(
        ("content", "meant"),
        [(b"gw:secret", b"gw:secret"), (b"gw:secret\n", b"gw:secret"), (b"gw:a:b \r\n", b"gw:a:b "), (b"gw:\xff\n", b"gw:\xff")],
    )
    def test_what_the_file_says(self, tmp_path: Path, content: bytes, meant: bytes) -> None:
        (tmp_path / "csms").write_bytes(content)
        assert Credentials(str(tmp_path)).authorization("csms") == "Basic " + base64.b64encode(meant).decode()

    def test_renewed(self, tmp_path: Path) -> None:
        known = Credentials(str(tmp_path))
        (tmp_path / "csms").write_text("gw:old")
        before = known.authorization("csms")
        (tmp_path / "csms").write_text("gw:new")
        assert known.authorization("csms") != before

    @pytest.mark.parametrize("name", ["missing", "../outside", "/etc/passwd", "", ".", "no-colon", "directory"])
    def test_none(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "outside").write_text("gw:secret")
        inside = tmp_path / "inside"
        (inside / "directory").mkdir(parents=True)
        (inside / "no-colon").write_text("secret")
        with pytest.raises(CredentialsError) as error:
            Credentials(str(inside)).authorization(name)
        assert "secret" not in str(error.value)

    def test_no_directory(self) -> None:
        with pytest.raises(CredentialsError):
            Credentials("").authorization("csms")


class TestRenewal:
    def test_read_again_only_when_replaced(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("1")
        loads: list[str] = []

        def load() -> str:
            loads.append(file.read_text())
            return loads[-1]

        found = FromFiles([str(file), ""], load)
        found.refresh()
        assert (found.value, loads) == ("1", ["1"])
        file.write_text("two")
        found.refresh()
        assert (found.value, loads) == ("two", ["1", "two"])

    def test_as_kubernetes_does_it(self, tmp_path: Path) -> None:
        """The files are links through a link to a directory, which is replaced."""
        for version in ("1", "2"):
            (tmp_path / version).mkdir()
            (tmp_path / version / "tls.crt").write_text(version)
        (tmp_path / "data").symlink_to("1")
        file = tmp_path / "tls.crt"
        file.symlink_to("data/tls.crt")
        found = FromFiles([str(file)], file.read_text)
        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").rename(tmp_path / "data")
        found.refresh()
        assert found.value == "2"

    def test_what_cannot_be_read_changes_nothing_and_is_tried_again(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("1")
        found = FromFiles([str(file)], lambda: int(file.read_text()))
        file.write_text("not yet")
        found.refresh()
        assert found.value == 1
        file.unlink()
        found.refresh()
        assert found.value == 1
        file.write_text("3000")
        found.refresh()
        assert found.value == 3000


def test_tls_1_2_is_the_least(tmp_path: Path) -> None:
    cert, key = root().make("gateway").write(tmp_path, "listener")
    settings = GatewaySettings(gateway_tls_port=1, gateway_tls_cert_file=cert, gateway_tls_key_file=key)
    loaded = tls.load(settings)
    assert loaded.listener
    for context in (loaded.listener.value, loaded.upstream.value):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
