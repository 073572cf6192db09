"""Client certificates: read, and vouched for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from ocpplog_gateway import certificates
from ocpplog_gateway.certificates import Authority, Subject
from ocpplog_gateway.errors import CertificateError
from support.certificates import CLIENT_AUTH, SERVER_AUTH, Made, make, root

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> Made:
    return root()


def rfc9440(made: Made) -> str:
    return f":{base64.b64encode(made.der).decode()}:"


def nginx(made: Made) -> str:
    return quote(made.pem)


class TestHeader:
    def test_both_forms(self, authority: Made) -> None:
        made = authority.make("CP1", "Operator")
        for value in (rfc9440(made), nginx(made), quote(made.pem, safe=""), f" {rfc9440(made)} "):
            found = certificates.from_header([value])
            assert found is not None
            assert certificates.subject_of(found) == Subject("CP1", "Operator")

    def test_none(self) -> None:
        assert certificates.from_header([]) is certificates.from_header([""]) is None

    @pytest.mark.parametrize("value", ["x", ":", "::", ":!:", ":AAAA:", "CP1", quote("-----BEGIN CERTIFICATE-----\nx"), ":é:"])
    def test_what_is_none(self, value: str) -> None:
        with pytest.raises(CertificateError):
            certificates.from_header([value])

    def test_twice(self, authority: Made) -> None:
        """One of them came from the client."""
        made = rfc9440(authority.make("CP1"))
        with pytest.raises(CertificateError, match="twice"):
            certificates.from_header([made, made])

    def test_chain(self, authority: Made) -> None:
        between = authority.make("between", authority=True)
        value = f"{rfc9440(between)}, {rfc9440(authority)}"
        assert certificates.chain_from_header([value]) == [between.certificate, authority.certificate]
        assert certificates.chain_from_header([]) == []


class TestAuthority:
    def test_its_own(self, authority: Made) -> None:
        """A common name is enough: chargers' certificates have no subjectAltName."""
        for made in (authority.make("CP1"), authority.make("CP1", usage=CLIENT_AUTH)):
            Authority(authority.pem).check(made.certificate, [], NOW)

    def test_through_another(self, authority: Made) -> None:
        between = authority.make("between", authority=True)
        leaf = between.make("CP1").certificate
        Authority(authority.pem).check(leaf, [between.certificate], NOW)
        with pytest.raises(CertificateError):
            Authority(authority.pem).check(leaf, [], NOW)

    def test_one_of_several(self, authority: Made) -> None:
        Authority(root("other").pem + authority.pem).check(authority.make("CP1").certificate, [], NOW)

    def test_refused(self, authority: Made) -> None:
        charger = authority.make("CP0", authority=False)
        wrong = {
            "self-signed": make("CP1"),
            "of another authority of the same name": root().make("CP1"),
            "expired": authority.make("CP1", days=(-10, -1)),
            "not yet": authority.make("CP1", days=(1, 10)),
            "for servers": authority.make("CP1", usage=SERVER_AUTH),
            "of a charger that plays authority": charger.make("CP1"),
        }
        for name, made in wrong.items():
            with pytest.raises(CertificateError):
                Authority(authority.pem).check(made.certificate, [charger.certificate], NOW)
                pytest.fail(name)

    def test_a_bundle_that_is_none(self) -> None:
        with pytest.raises(ValueError):
            Authority(b"x")


def test_dates(authority: Made) -> None:
    certificates.check_dates(authority.make("CP1").certificate, NOW)
    for days in ((-10, -1), (1, 10)):
        with pytest.raises(CertificateError, match="not valid now"):
            certificates.check_dates(authority.make("CP1", days=days).certificate, NOW)
