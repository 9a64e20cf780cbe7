"""Whether this build allows several workers."""

from opentracker._features import WANT_WORKERS
from opentracker.config.settings import Settings
from opentracker.errors import ConfigError
from opentracker.server import wiring


def may_be_several() -> bool:
    """Whether a start with several workers, and no key but theirs, is not refused."""
    if not WANT_WORKERS:
        return False
    settings = Settings(workers=2)
    features = [feature(settings) for feature in wiring.FEATURES]
    try:
        wiring.refuse_alone(features, settings)
    except ConfigError:
        return False
    return True
