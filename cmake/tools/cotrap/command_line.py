"""Runs a command line, and turns its result or error into an exit status."""

import sys
from collections.abc import Sequence

from .errors import OWN_FAILURE, WRONG_USAGE, ToolError, UsageError
from .options import parser
from .ui import say


def run(words: Sequence[str]) -> int:
    """Returns the exit status. words: the command line without the name `cotrap`. Raises OSError if the
    output cannot be written."""
    try:
        try:
            arguments = parser().parse_args(words)
            return arguments.action(arguments) or 0
        finally:
            sys.stdout.flush()
    except UsageError as error:
        say(str(error))
        return WRONG_USAGE
    except ToolError as error:
        say(str(error))
        return OWN_FAILURE
