"""Finds a debugger, and runs it in the foreground."""

import shutil
import signal
import subprocess
from collections.abc import Iterable

from . import setup, terminal
from .errors import TIMED_OUT, ToolError
from .ui import say


def find(*names: str) -> str:
    """The path of the first of these debuggers that is installed. If none is, installs the packages that
    `debug` needs. Raises ToolError."""
    found = _found(names)
    if not found:
        setup.ensure(setup.DEBUG)
        found = _found(names)
    if not found:
        raise ToolError(f"no debugger is installed: install one of {', '.join(names)}")
    return found


def _found(names: Iterable[str]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def run(command: list, timeout: float | None, **how) -> int:
    """Runs a program that handles ^C and the terminal itself. Returns its exit status, or TIMED_OUT."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with terminal.restored():
            return subprocess.run(command, timeout=timeout, **how).returncode
    except subprocess.TimeoutExpired:
        say(f"the debugger was still running after {timeout:g} s (--timeout)")
        return TIMED_OUT
    finally:
        signal.signal(signal.SIGINT, before)


def run_on_host(command: list, *script: str) -> int:
    """Runs a program of the host under gdb. script: gdb's first commands."""
    words = [find("gdb", "gdb-multiarch"), "-q", *script_options(script), "--args", *command]
    return run(words, None)


def script_options(script: Iterable[str]) -> list[str]:
    """gdb's options that run these commands."""
    return [word for command in script for word in ("-ex", command)]
