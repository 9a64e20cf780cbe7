"""Pairs of certificates and keys, and the choice among them."""

import ssl
from pathlib import Path

import pytest

from opentracker.errors import UsageError
from opentracker.server.tls.certificates import DAY, load_all, load_pair, new_context
from tests.server.live import Live
from tests.server.tls.authority import Authority, TlsClient, listen_tls, openssl


def test_a_key_of_another_certificate(authority: Authority) -> None:
    one, _ = authority.issue("one", "one.example")
    _, two = authority.issue("two", "two.example")
    with pytest.raises(UsageError, match=r"one\.pem with the key .*two\.key: the key is not"):
        load_pair((one, two))


def test_files_without_a_certificate_or_a_key(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.issue("good", "good.example")
    other = tmp_path / "other"
    other.write_text("nothing")
    for pair in ((other, key), (chain, other)):
        with pytest.raises(UsageError, match="no PEM text"):
            load_pair(pair)


def test_a_file_that_is_missing(authority: Authority, tmp_path: Path) -> None:
    chain, _ = authority.issue("alone", "alone.example")
    with pytest.raises(UsageError, match=r"cannot read the certificate .*missing: No such file"):
        load_pair((chain, tmp_path / "missing"))


def test_a_key_with_a_passphrase_asks_nobody(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.issue("locked", "locked.example")
    locked = tmp_path / "locked.key"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked)
    with pytest.raises(UsageError, match="the key has a passphrase, which is not supported"):
        load_pair((chain, locked))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("first.example", "first.example"),
        ("second.example", "second.example"),
        ("SECOND.example", "second.example"),
        ("a.wild.example", "*.wild.example"),
        ("own.wild.example", "own.wild.example"),
        ("a.b.wild.example", "first.example"),
        ("unknown.example", "first.example"),
        (None, "first.example"),
    ],
)
def test_the_name_that_a_client_asks_for_chooses_the_pair(
    live: Live, authority: Authority, asked: str | None, given: str
) -> None:
    names = {
        "a": ["first.example"],
        "b": ["second.example"],
        "c": ["*.wild.example"],
        "d": ["own.wild.example"],
    }
    pairs = load_all([authority.issue(f"sni-{name}", *listed) for name, listed in names.items()])
    to = listen_tls(live, pairs)
    context = authority.client_context()
    context.check_hostname = False
    client = TlsClient(live, to, context, asked).shake()
    certificate = client.session.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", given),)


def test_lines_about_certificates_that_expire(authority: Authority) -> None:
    certificates = load_all([authority.issue("soon", "soon.example", days=60)])
    end = certificates.loaded[0].not_after
    assert certificates.expiring(end - 14 * DAY) == []
    assert certificates.expiring(end - 13.5 * DAY) == ["the certificate for soon.example expires in 13 days"]
    assert certificates.expiring(end + 1) == ["the certificate for soon.example has expired"]


def test_a_pair_without_names_is_called_by_its_file(authority: Authority) -> None:
    chain, key = authority.issue("unnamed")
    assert load_pair((chain, key)).name() == str(chain)


def test_a_context_has_no_old_protocol() -> None:
    context = new_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert not context.options & ssl.OP_NO_TICKET
