"""Runs what the command line asks for, and turns every way to end into an exit status."""

import os
import signal
import sys

from .errors import NOBODY_READS, OWN_FAILURE, Interrupted, ToolError, UsageError
from .options import parser
from .ui import say


def interrupt(number: int, _frame) -> None:
    raise Interrupted(number)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background there is no keyboard
    try:
        try:
            arguments = parser().parse_args()
            return arguments.action(arguments) or 0
        finally:
            sys.stdout.flush()
    except UsageError as error:
        say(str(error))
        return 2
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
    except Interrupted as interrupted:
        return 128 + interrupted.signal_number


def forget_output() -> None:
    """What could not be written is not tried again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


sys.exit(main())
