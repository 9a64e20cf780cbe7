"""The HTTP statuses beside 200: one row holds the phrase, the counter and the texts of a status.

The order is that of `mode=everything`: the C tracker's statuses first, then ours.
"""

from typing import Final


class Status:
    """A status, or one cause of it.

    `phrase` stands in the status line. `brief` is the label in `mode=herr`, `code` that in `mode=everything`; an empty
    one means that the mode has no such line. `cause` is Prometheus' label, `text` is for people. `counter` is the name
    of the counter, empty for a status that the C tracker counts and this one never answers.
    """

    __slots__ = ("brief", "cause", "code", "counter", "number", "phrase", "text")

    def __init__(self, number: int, phrase: str, brief: str, cause: str, text: str, code: str = "") -> None:
        self.number = number
        self.phrase = phrase
        self.brief = brief
        self.cause = cause
        self.text = text
        self.code = code or f"{number} {phrase}"
        self.counter = f"http_{number}"


def cause_of_400(cause: str, brief: str, code: str, text: str) -> Status:
    """One of the causes of 400, each with a counter of its own; without a text it is never met."""
    status = Status(400, "Invalid Request", brief, cause, text, f"400 {code}")
    status.counter = f"http_400_{cause}" if text else ""
    return status


STATUSES: Final = (
    Status(302, "Found", "302 RED", "", "redirects", "302 Redirect"),
    cause_of_400("parse", "400 ...", "Parse Error", "not an HTTP request"),
    cause_of_400("parameter", "400 PAR", "Invalid Parameter", "an unknown parameter"),
    cause_of_400("compact", "400 COM", "Invalid Parameter (compact=0)", ""),  # accepted here
    cause_of_400("modesty", "", "Not Modest", ""),  # 402 here
    Status(402, "Payment Required", "402 MOD", "modesty", "the next full scrape too soon"),
    Status(403, "Access Denied", "403 IP ", "access", "not for this address"),
    Status(404, "Not Found", "404 INV", "path", "an unknown path", "404 Not found"),
    Status(500, "Internal Server Error", "500 SRV", "server", "a fault of the tracker"),
    Status(405, "Method Not Allowed", "405 MET", "method", "neither GET nor HEAD"),
    Status(414, "URI Too Long", "414 URI", "length", "a request line that is too long"),
    Status(431, "Request Header Fields Too Large", "431 HED", "length", "headers that are too long"),
    Status(503, "Service Unavailable", "503 BSY", "busy", "too many full scrapes under way"),
)
