"""A page in Chromium without a window and without a network. Tests read the page, press keys, click,
and change the reader's preference of light or dark. It uses Chromium's debugging protocol over a pipe."""

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile
from pathlib import Path

_NAMES = ("chromium", "chromium-headless-shell", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, _NAMES)), None)
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,900"),
)
_CODES = {"+": "Equal", "-": "Minus", "/": "Slash"}


class Browser:
    """`with Browser() as browser: browser.open(path)`. `errors`: exceptions, console errors, and requests for
    other files since the page was opened."""

    def __enter__(self) -> "Browser":
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, ours_out = (self._high(fd) for fd in os.pipe())
        ours_in, theirs_out = (self._high(fd) for fd in os.pipe())
        nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        pipes = [(os.POSIX_SPAWN_DUP2, theirs_in, 3), (os.POSIX_SPAWN_DUP2, theirs_out, 4)]
        command = [BROWSER, *_OPTIONS, f"--user-data-dir={self._folder.name}", "about:blank"]
        self._pid = os.posix_spawn(BROWSER, command, os.environ, file_actions=nowhere + pipes)
        os.close(theirs_in)
        os.close(theirs_out)
        self._out, self._in = ours_out, os.fdopen(ours_in, "rb")
        self._number, self._unread, self.errors = 0, b"", []
        self._is_loaded = False
        self._session = ""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Page", "Log", "Network"):
            self._ask(f"{domain}.enable")
        return self

    @staticmethod
    def _high(fd: int) -> int:
        """Moves the descriptor to a number of 10 or more, because the browser gets the pipes as 3 and 4."""
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(fd)
        return moved

    def __exit__(self, *_) -> None:
        os.close(self._out)
        self._in.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._folder.cleanup()

    def _ask(self, method: str, **parameters) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self) -> dict:
        while b"\0" not in self._unread:
            piece = self._in.read1(1 << 16)
            if not piece:
                raise AssertionError("the browser has ended")
            self._unread += piece
        text, _, self._unread = self._unread.partition(b"\0")
        message = json.loads(text)
        parameters = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning"):
                self.errors.append(str(parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.errors.append(parameters["entry"]["text"])
            case "Page.loadEventFired":
                self._is_loaded = True
            case "Network.requestWillBeSent" if not parameters["request"]["url"].startswith("file:"):
                self.errors.append(parameters["request"]["url"])
        return message

    def open(
        self, page: Path, fragment: str = "", dark: bool = False, high: int = 900, wide: int = 1200
    ) -> None:
        self.errors.clear()
        self._emulate(dark)
        size = {"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        self._ask("Emulation.setScrollbarsHidden", hidden=False)
        self._navigate("about:blank")
        self._navigate(page.as_uri() + fragment)

    def _navigate(self, address: str) -> None:
        """Opens the address, and waits until it is loaded."""
        self._is_loaded = False
        self._ask("Page.navigate", url=address)
        while not self._is_loaded:
            self._next()

    def prefer(self, dark: bool) -> None:
        self._emulate(dark)
        self._settle()

    def _emulate(self, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, expression: str):
        """Returns the value of a JavaScript expression. JSON must be able to represent it."""
        done = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def press(self, key: str) -> None:
        """Presses and releases a key. key: a character, or a name such as `ArrowUp`."""
        text = {"text": key} if len(key) == 1 else {}
        named = {"key": key, "code": _CODES.get(key, key)}
        self._ask("Input.dispatchKeyEvent", type="keyDown", **named, **text)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **named)
        self._settle()

    def mouse(self, kind: str, x: float, y: float, **more) -> None:
        """kind: Pressed, Released, Moved or Wheel."""
        self._ask("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **more)
        self._settle()

    def click(self, x: float, y: float) -> None:
        for kind in ("Moved", "Pressed", "Released"):
            self.mouse(kind, x, y, **({} if kind == "Moved" else {"button": "left", "clickCount": 1}))

    def _settle(self) -> None:
        """Waits until the page has drawn what the last event changed."""
        frame = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        self.value(frame)

    def picture(self, path: Path) -> None:
        self._settle()
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))
