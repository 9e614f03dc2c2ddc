"""Runs the command that the command line names, as a process: with signals, closed outputs and full disks."""

import os
import signal
import sys

from . import signals
from .command_line import run
from .errors import OUTPUT_CLOSED, OWN_FAILURE, Interrupted
from .ui import say


def main() -> int:
    """Returns the exit status; a signal becomes 128 + its number. Python would print a traceback if a signal
    came before signals.handle()."""
    try:
        signals.handle()
        try:
            return status()
        finally:
            signals.ignore()
    except Interrupted as interrupted:
        signals.ignore()
        return 128 + interrupted.signal_number


def status() -> int:
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background a read fails instead of stopping us
    try:
        return run(sys.argv[1:])
    except BrokenPipeError:
        discard_output()
        return OUTPUT_CLOSED
    except OSError as error:  # for example: the disk is full
        discard_output()
        say(str(error))
        return OWN_FAILURE


def discard_output() -> None:
    """Discards unwritten output, so that Python does not try to write it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


# Python's own end is skipped: it can crash while a daemon thread still runs. run() has flushed the output.
os._exit(main())
