"""Runs what the command line asks for, and turns every way to end into an exit status."""

import os
import signal
import sys

from .errors import NOBODY_READS, OWN_FAILURE, WRONG_USAGE, Interrupted, ToolError, UsageError
from .options import parser
from .ui import say


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(number: int, _frame) -> None:
    raise Interrupted(number)


def main() -> int:
    """Every signal becomes a status. `./cotrap` blocks SIGINT while Python starts and loads modules:
    Python would print a traceback for it. Here the handlers are set, and it is unblocked."""
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
    """The status is decided: a later signal must not raise while Python ends."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def run() -> int:
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background there is no keyboard
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
        forget_output()
        return NOBODY_READS
    except OSError as error:  # a full disk, say
        forget_output()
        say(str(error))
        return OWN_FAILURE


def forget_output() -> None:
    """What could not be written is not tried again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


sys.exit(main())
