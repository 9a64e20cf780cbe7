"""The parts of a feature, by an example that has one of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings, Take
from opentracker.config.values import user
from opentracker.features.feature import Feature, Host, keys_of
from opentracker.server.core import Core
from tests.config.files import BEFORE, READ, WRITTEN, naming


class Some(Feature[Host]):
    """Three files, one of them without a key, and a key of its own."""

    keys: ClassVar[Mapping[str, Take]] = {"some.user": user}
    paths: ClassVar[tuple[NamedPath, ...]] = (READ, WRITTEN, BEFORE)


def test_the_keys_are_its_own_and_those_of_its_paths() -> None:
    assert keys_of(Some) == {"some.user": user, "some.list": READ.take, "some.state": WRITTEN.take}


def test_a_plan_has_a_line_for_each_file_that_was_named() -> None:
    assert list(Some(Settings()).plan()) == []
    settings = naming(read=Path("a\nb"), before=Path("/c"))
    assert list(Some(settings).plan()) == ["would read a\\nb", "would begin with /c"]


def test_a_feature_without_a_phase_does_nothing_in_it(tmp_path: Path) -> None:
    server = Core(Settings(), [], bytes(32), 1)
    feature: Feature[Core] = Some(naming(read=tmp_path / "missing"))
    for phase in (feature.check, feature.open, feature.try_open, feature.load, feature.try_load):
        phase()
    feature.join(server)
    feature.begin(server)
    feature.end()
    feature.close()
    server.close()
    assert list(tmp_path.iterdir()) == []
