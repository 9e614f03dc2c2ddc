"""Many runs of the simulator at once. Whoever stops waiting for them, at a signal, ends them."""

import os
import subprocess
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ..errors import ToolError
from . import simulator


class _Children:
    """Threads run programs here, until another one ends them all: then there are no new ones."""

    def __init__(self):
        self._lock = threading.Lock()  # of the following
        self._running: set[subprocess.Popen] = set()
        self._are_ended = False

    def run(self, command: list, **how) -> subprocess.CompletedProcess:
        """As subprocess.run()."""
        with self._begun(command, **how) as child:
            try:
                said = child.communicate()
            finally:
                with self._lock:
                    self._running.discard(child)
        return subprocess.CompletedProcess(command, child.returncode, *said)

    def _begun(self, command: list, **how) -> subprocess.Popen:
        with self._lock:
            if self._are_ended:
                raise ToolError("nobody waits for the simulator any more")
            child = subprocess.Popen(command, **how)
            self._running.add(child)
            return child

    def end(self) -> None:
        with self._lock:
            self._are_ended = True
            for child in self._running:
                child.kill()


def outputs(commands: Iterable[list]) -> list[str]:
    """What each says, in that order."""
    children = _Children()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(lambda each: simulator.run(each, children.run).stdout, commands))
        except BaseException:
            children.end()
            raise
