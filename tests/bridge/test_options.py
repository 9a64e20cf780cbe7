import argparse

import pytest

from opentracker.bridge.options import name, nats_options, positive, server


@pytest.mark.parametrize(("check", "good", "wrong"), [(name, "a_b-1", "a.b"), (server, "nats://a:1", "a:1")])
def test_values_of_options(check: type, good: str, wrong: str) -> None:
    assert check(good) == good
    with pytest.raises(argparse.ArgumentTypeError):
        check(wrong)


def test_numbers_over_0() -> None:
    assert positive("7") == 7
    for wrong in ("0", "-1", "x", "1" * 10, "٣"):
        with pytest.raises(argparse.ArgumentTypeError):
            positive(wrong)


def test_options_for_nats() -> None:
    it = argparse.ArgumentParser()
    nats_options(it)
    assert it.parse_args(["--nats", "nats://a:1", "--nats", "tls://b:2"]).nats == ["nats://a:1", "tls://b:2"]
