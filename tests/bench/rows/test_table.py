"""Every row over UDP and HTTP, and some others, once and small: each measures what it says and prints its tables."""

import os
import re
import shutil
import sys
from dataclasses import replace

import pytest

from harness.errors import BenchError
from harness.setting import Bench
from harness.tables import processor
from opentracker.server.sockets import has_ipv6
from opentracker.server.system.libc import has_mmsg
from rows import http, udp
from rows.calls import BATCH
from rows.table import ROWS, run_rows

Tables = dict[str, list[str]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def tables_of(text: str) -> list[Tables]:
    """The tables of a text: each the cells of its lines by their first one."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [{cells(line)[0]: cells(line) for line in table.splitlines()} for table in found]


def run(bench: Bench, name: str, capsys: pytest.CaptureFixture[str]) -> list[Tables]:
    run_rows(bench, [name])
    return tables_of(capsys.readouterr().out)


OVER_UDP = ["udp", "udp-sources", "udp-connects", "udp-large", "udp-growth"]
OVER_HTTP = ["http", "http-saturated", "http-keepalive", "http-proxied"]


@pytest.mark.parametrize("name", [*OVER_UDP, *OVER_HTTP])
def test_a_row_on_speed_prints_the_whole_the_kernels_part_and_our_own(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, own = run(bench, name, capsys)
    assert set(whole) == {name, "---", "pure", "echo"}
    assert set(own) == {f"{name} on {processor()}", "---", "pure"}
    time = float(whole["pure"][1])
    kernel = float(whole["echo"][1])
    assert kernel > 0
    assert own["pure"][1:3] == [whole["pure"][1], whole["echo"][1]]
    assert float(own["pure"][4]) == pytest.approx(time - kernel, abs=0.002)


@pytest.mark.skipif(not has_ipv6("::1"), reason="this machine has no IPv6")
def test_the_row_over_ipv6(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    whole, _ = run(bench, "udp6", capsys)
    assert set(whole) == {"udp6", "---", "pure", "echo"}


def test_renewals_are_of_peers_a_minute_old_beside_young_ones(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    enough = replace(bench, scale=1 / 20)  # an iteration of the loop may take 256 requests
    whole, own = run(enough, "udp-renewals", capsys)
    assert set(whole) == {"udp-renewals", "---", "pure", "pure-young", "echo"}
    assert "pure-young" in own


def test_renewals_within_a_minute_are_refused() -> None:
    udp.refuse_young("pure", [1, 999, 1])
    with pytest.raises(BenchError, match="pure: 2 of 1001 renewals were of peers under a minute old"):
        udp.refuse_young("pure", [2, 998, 1])


def test_the_usual_clock_of_a_revision_has_its_own_name() -> None:
    assert udp.young("compiled") == "compiled-young"
    assert udp.young("compiled@HEAD") == "compiled-young@HEAD"


def test_the_rows_on_tls_have_a_table_for_each_kind_of_connection(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = run(bench, "https", capsys)
    assert [set(table) for table in tables] == [
        {f"https {mode}", "---", "pure"} for mode in ("new", "resumed", "kept")
    ]
    new, resumed, kept = (float(table["pure"][1]) for table in tables)
    assert min(new, resumed, kept) > 0


def test_the_row_on_websockets_has_messages_and_idle_ones(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    busy, idle = run(bench, "websocket", capsys)
    assert set(busy) == {"websocket", "---", "pure"}
    assert set(idle) == {"websocket idle", "---", "pure"}
    assert float(busy["pure"][1]) > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bursts need Linux")
@pytest.mark.needs("WANT_WORKERS")
def test_the_row_on_workers_has_each_number_of_them(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    udp, *others = run(bench, "workers", capsys)
    assert set(udp) == {"workers udp", "---", "pure", "pure-2", "pure-4"}
    names = ["workers http", "workers http-saturated", "workers memory, 1500 torrents"]
    names += ["workers on two cores"] * (os.geteuid() == 0)
    assert [next(iter(table)) for table in others] == names
    for table in others:
        assert set(table) == {next(iter(table)), "---", "pure", "pure-2"}
        assert all(float(table[name][1]) > 0 for name in ("pure", "pure-2"))


def test_memory_grows_by_torrents_and_by_a_population(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = run(bench, "memory", capsys)
    names = [next(iter(table)) for table in tables]
    assert names == ["memory 1500x1", "memory 250x10", "memory 2x1000", "memory 5000x3", "memory 5000 zipf"]
    assert all(set(table) == {name, "---", "pure"} for name, table in zip(names, tables, strict=True))
    assert int(tables[-1]["pure"][1].replace(",", "")) > 0


def test_full_scrapes_are_read_to_their_ends(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (table,) = run(bench, "fullscrape", capsys)
    assert int(table["pure"][2].replace(",", "")) > 5000 * 60


def test_a_row_that_cannot_be_measured_does_not_keep_the_next_one_from_it(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Bench) -> None:
        """A row that fails."""
        raise BenchError("no such luck")

    def works(_: Bench) -> None:
        """A row that works."""
        print("| works |")

    monkeypatch.setitem(ROWS, "fails", fails)
    monkeypatch.setitem(ROWS, "works", works)
    with pytest.raises(BenchError, match="1 of 2 rows could not be measured: fails: no such luck"):
        run_rows(bench, ["fails", "works"])
    assert "| works |" in capsys.readouterr().out


def test_the_rows_over_http_have_as_many_peers_behind_a_proxy() -> None:
    assert http.BEHIND_PROXY.peers == http.USUAL.peers


def test_slices_are_of_one_shards_part_of_the_torrents(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (table,) = run(bench, "slices", capsys)
    (name,) = {*table} - {"---", "pure"}
    assert re.fullmatch(r"slices: ms, \d+ torrents", name)
    assert all(float(figure) > 0 for figure in table["pure"][1:])


@pytest.mark.skipif(shutil.which("strace") is None, reason="this machine has no strace")
def test_calls_of_a_connection_and_of_a_batch(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A batch is received and sent with one call each, however many answers it has."""
    run_rows(bench, ["calls"])
    found = {
        line.split("|")[2].strip(): line for line in capsys.readouterr().out.splitlines() if "| pure" in line
    }
    assert set(found) == {"an HTTP connection", f"{BATCH} datagrams"}
    for name in ("read 1,", "write 1,", "close 1"):
        assert name in found["an HTTP connection"]
    if has_mmsg():
        assert "sendmmsg 1" in found[f"{BATCH} datagrams"]
