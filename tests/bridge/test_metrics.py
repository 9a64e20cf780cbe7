"""The counts of a bridge as Prometheus reads them."""

from dataclasses import asdict
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from opentracker.bridge.metrics import render, write
from opentracker.bridge.relay import Counts


def test_every_count_is_a_metric() -> None:
    counts = Counts(**{name: number for number, name in enumerate(asdict(Counts()), 1)})
    families = list(text_string_to_metric_families(render(counts, 77, True, "main", "paris")))
    found = {}
    for family in families:
        (sample,) = family.samples
        assert sample.labels == {"cluster": "main", "site": "paris"}
        assert family.documentation
        found[sample.name.removeprefix("opentracker_bridge_")] = sample.value
    expected = {f"{name}_total": value for name, value in asdict(counts).items()}
    assert found == {**expected, "waiting_packets": 77, "connected": 1}


def test_a_file_is_replaced_as_a_whole_and_can_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "bridge.prom"
    path.write_text("old")
    with path.open() as reader:
        write(path, "new\n")
        assert reader.read() == "old"
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]
