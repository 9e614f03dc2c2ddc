"""Runs of the simulator, one or many at once. A signal to the command ends all of them, whenever it comes.

subprocess.run() cannot do that: a signal that comes while it starts a program leaves that program running."""

import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue

from ..errors import ToolError


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
            for child in self._running:
                child.wait()


def _wait_for(answers: SimpleQueue) -> tuple:
    """The next answer. The kernel may deliver a signal to any thread, but Python runs the handler in this one: so it wakes
    up now and then."""
    while True:
        with suppress(Empty):
            return answers.get(timeout=0.2)


def run(
    commands: Iterable[list],
    jobs: int,
    check: Callable[[list, subprocess.CompletedProcess], None],
) -> list[subprocess.CompletedProcess]:
    """Runs the commands, `jobs` of them at once, and returns the results in the commands' order. check: is called for each
    result. If it raises, the other commands end and run() raises the same."""
    children, answers = _Children(), SimpleQueue()
    work = list(enumerate(commands))
    found = [None] * len(work)
    pipe = subprocess.PIPE

    def go_on() -> None:
        with suppress(IndexError):
            while True:
                place, command = work.pop(0)
                try:
                    done = children.run(command, stdout=pipe, stderr=pipe, text=True, errors="replace")
                    check(command, done)
                    answers.put((place, done))
                except BaseException as error:
                    answers.put((place, error))

    # A signal comes as an exception, which may leave a lock of Python's own held: so here there are
    # none, and nobody waits for the threads.
    try:
        for _ in range(min(jobs, len(work))):
            threading.Thread(target=go_on, daemon=True).start()
        for _ in found:
            place, answer = _wait_for(answers)
            if isinstance(answer, BaseException):
                raise answer
            found[place] = answer
    except BaseException:
        children.end()
        raise
    return found
