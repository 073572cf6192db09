"""Settings that mean nothing are named, and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from ocpplog_gateway.settings import GatewaySettings


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"gateway_path": "ocpp"}, "gateway_path"),
        ({"gateway_path": "/ocpp,/{tenant}"}, "gateway_path"),
        ({"gateway_min_profile": "4"}, "gateway_min_profile"),
        ({"gateway_trusted_proxies": "10.0.0.0/33"}, "gateway_trusted_proxies"),
        ({"gateway_client_cert_header": "X: y"}, "gateway_client_cert_header"),
        ({"gateway_upstream": "http://user:secret@csms"}, "gateway_upstream"),
        ({"gateway_upstream_credentials": "csms"}, "gateway_upstream_credentials"),
        ({"gateway_credentials_dir": "/x", "gateway_upstream_credentials": "../secret"}, "gateway_upstream_credentials"),
        ({"gateway_tls_port": "8443"}, "gateway_tls_port"),
        (
            {"gateway_tls_port": "1", "gateway_tls_cert_file": f"{__file__},{__file__}", "gateway_tls_key_file": __file__},
            "gateway_tls_port",
        ),
        ({"gateway_plain": "false"}, "gateway_tls_port"),
        ({"gateway_tls_cert_file": "/no/such/file"}, "gateway_tls_cert_file"),
        ({"gateway_upstream_cert_file": __file__}, "gateway_upstream_cert_file"),
        ({"gateway_upstream_key_file": __file__}, "gateway_upstream_cert_file"),
    ],
)
def test_named(settings: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"OCPPLOG_{name.upper()}", value)
    with pytest.raises(ValidationError) as error:
        GatewaySettings()
    found = error.value.errors()
    assert [e["loc"] for e in found] == [(named,)]
    assert "secret" not in found[0]["msg"]


def test_good_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pem").write_text("")
    file = str(tmp_path / "pem")
    given = {
        "gateway_path": "/ocpp,/ocpp/1.6,/{site}",
        "gateway_trusted_proxies": "10.0.0.0/8, ::1",
        "gateway_upstream": "wss://user:secret@csms:9000/ocpp",
        "gateway_plain": "false",
        "gateway_tls_port": "8443",
        "gateway_tls_cert_file": file,
        "gateway_tls_key_file": file,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"OCPPLOG_{name.upper()}", value)
    assert GatewaySettings().gateway_tls_port == 8443
