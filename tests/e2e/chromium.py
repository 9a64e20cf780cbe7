"""A headless Chromium that does what a test tells it, over its debugging pipe (the Chrome DevTools Protocol)."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pytest

KEYS: Final = {"Tab": 9, "Enter": 13}
END: Final = b"\0"  # behind every message


class Browser:
    """A browser with one page, in a window of this size; ends with the `with` block."""

    def __init__(self, profile: Path, width: int = 1280, height: int = 900, *, dark: bool = False) -> None:
        chromium = shutil.which("chromium")
        if chromium is None:
            pytest.skip("chromium is not installed")
        to_read, self.to_write = os.pipe()
        self.to_read, to_write = os.pipe()
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        shell = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        self.process = subprocess.Popen(
            [
                *("bash", "-c", shell, "bash", str(to_read), str(to_write), chromium, "--headless=new"),
                *("--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", scheme),
                *(f"--user-data-dir={profile}", "about:blank"),
            ],
            pass_fds=(to_read, to_write),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self.number = 0
        self.session = ""
        self.unread = b""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.call("Page.enable")
        sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **sizes)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.to_read)
        os.close(self.to_write)

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol; returns its result."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_write, json.dumps(message).encode() + END)
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def receive(self) -> Any:
        """The next message, an answer or an event."""
        while END not in self.unread:
            data = os.read(self.to_read, 1 << 16)
            assert data, "the browser has ended"
            self.unread += data
        message, _, self.unread = self.unread.partition(END)
        return json.loads(message)

    def open(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        self.call("Page.navigate", url=url)
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, and let it go."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="rawKeyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def picture(self, path: Path) -> None:
        """Save a picture of the whole page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))
