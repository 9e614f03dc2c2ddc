"""Runs simulators, several in parallel. A signal to the command kills all of them, whenever it comes.

subprocess.run() does not guarantee this: a program survives if the signal comes while it is started."""

import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue

from ..errors import ToolError


class _Children:
    """The child processes. Threads run them with run(). end() kills all, and no new one starts afterwards."""

    def __init__(self):
        self._lock = threading.Lock()  # protects the members below
        self._running: set[subprocess.Popen] = set()
        self._are_ended = False

    def run(self, command: list, **how) -> subprocess.CompletedProcess:
        """Like subprocess.run(). Raises ToolError after end()."""
        with self._start(command, **how) as child:
            try:
                output = child.communicate()
            finally:
                with self._lock:
                    self._running.discard(child)
        return subprocess.CompletedProcess(command, child.returncode, *output)

    def _start(self, command: list, **how) -> subprocess.Popen:
        with self._lock:
            if self._are_ended:
                raise ToolError("the simulation was cancelled")
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
    """The next answer. Python runs signal handlers only in the main thread, but Linux may deliver the signal
    to another one. So the main thread wakes every 0.2 s."""
    while True:
        with suppress(Empty):
            return answers.get(timeout=0.2)


def run(
    commands: Iterable[list],
    jobs: int,
    check: Callable[[list, subprocess.CompletedProcess], None],
) -> list[subprocess.CompletedProcess]:
    """Runs the commands, `jobs` of them in parallel, and returns their results in the same order. check: a
    function that is called for each result. If it raises, run() kills the other commands and raises the
    same exception."""
    children, answers = _Children(), SimpleQueue()
    work = list(enumerate(commands))
    found = [None] * len(work)
    pipe = subprocess.PIPE

    def work_on() -> None:
        with suppress(IndexError):
            while True:
                place, command = work.pop(0)
                try:
                    done = children.run(command, stdout=pipe, stderr=pipe, text=True, errors="replace")
                    check(command, done)
                    answers.put((place, done))
                except BaseException as error:
                    answers.put((place, error))

    # A signal raises an exception in the main thread, which could leave a lock of Python's own locked. So
    # the main thread takes no locks here and does not join the threads.
    try:
        for _ in range(min(jobs, len(work))):
            threading.Thread(target=work_on, daemon=True).start()
        for _ in found:
            place, answer = _wait_for(answers)
            if isinstance(answer, BaseException):
                raise answer
            found[place] = answer
    except BaseException:
        children.end()
        raise
    return found
