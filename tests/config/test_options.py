from opentracker.config import values
from opentracker.config.options import RUNNING, Option
from opentracker.config.settings import Settings


def test_an_option_does_what_its_action_does() -> None:
    settings = Settings()
    Option(RUNNING, "u", "user", values.user, "become this user").action(settings, "somebody")
    assert settings.user == "somebody"
