"""The names and the expiry of certificates."""

import ssl
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.server.tls.x509 import (
    GENERALIZED_TIME,
    UTC_TIME,
    elements,
    first_certificate,
    parse_certificate,
    parse_time,
)
from tests.server.tls.authority import Authority


def test_the_names_and_the_expiry(authority: Authority) -> None:
    chain, _ = authority.issue("facts", "A.example", "*.b.example", days=20)
    facts = first_certificate(chain.read_text())
    assert facts.names == ["a.example", "*.b.example"]
    assert abs(facts.not_after - (time.time() + 20 * 86400)) < 3600


def test_a_certificate_without_names(authority: Authority) -> None:
    chain, _ = authority.issue("nameless")
    assert first_certificate(chain.read_text()).names == []


def test_python_reads_the_same_expiry(authority: Authority) -> None:
    """Of an authority, whose certificate `ssl` does tell about."""
    (known,) = authority.client_context().get_ca_certs()
    assert isinstance(known["notAfter"], str)
    facts = first_certificate(authority.certificate.read_text())
    assert facts.not_after == ssl.cert_time_to_seconds(known["notAfter"])


@pytest.mark.parametrize(
    ("tag", "text"), [(UTC_TIME, b"261231235959Z"), (GENERALIZED_TIME, b"20261231235959Z")]
)
def test_both_forms_of_a_time(tag: int, text: bytes) -> None:
    assert parse_time(tag, text) == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("pem", "complaint"),
    [
        ("", "no certificate is in the file"),
        ("text", "no certificate is in the file"),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "a field is missing"),
    ],
)
def test_other_files_are_refused(pem: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        first_certificate(pem)


@pytest.mark.parametrize("data", [b"\x30", b"\x30\x05a", b"\x30\x82\xff\xffa"])
def test_elements_that_are_cut_short(data: bytes) -> None:
    with pytest.raises(ValueError, match="cut short"):
        elements(data)


@given(st.binary(max_size=200))
def test_any_bytes_raise_the_declared_error_alone(data: bytes) -> None:
    try:
        parse_certificate(data)
    except ValueError:
        pass


@given(st.data())
def test_a_certificate_with_some_other_bytes(authority: Authority, data: st.DataObject) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(authority.certificate.read_text()))
    for _ in range(3):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_certificate(bytes(der))
    except ValueError:
        pass
