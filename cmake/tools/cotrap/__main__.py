"""Runs the command that the command line names, and turns its result or error into an exit status."""

import os
import signal
import sys

from .errors import OUTPUT_CLOSED, OWN_FAILURE, WRONG_USAGE, Interrupted, ToolError, UsageError
from .options import parser
from .ui import say


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(number: int, _frame) -> None:
    raise Interrupted(number)


def main() -> int:
    """Returns the exit status; a signal becomes 128 + its number. The script `./cotrap` blocks SIGINT
    while Python starts, because Python would print a traceback. This function sets the handlers first,
    and then unblocks SIGINT."""
    try:
        for number in _ENDING:
            signal.signal(number, interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        try:
            return run()
        finally:
            ignore_signals()
    except Interrupted as interrupted:
        ignore_signals()
        return 128 + interrupted.signal_number


def ignore_signals() -> None:
    """After this call a signal raises no exception. The status is decided, and Python is about to end."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def run() -> int:
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background a read fails instead of stopping us
    try:
        try:
            arguments = parser().parse_args()
            return arguments.action(arguments) or 0
        finally:
            sys.stdout.flush()
    except UsageError as error:
        say(str(error))
        return WRONG_USAGE
    except ToolError as error:
        say(str(error))
        return OWN_FAILURE
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
