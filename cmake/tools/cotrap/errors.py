"""The exceptions that end a command early, and the exit statuses (docs/reference/exit-statuses.md)."""

WRONG_USAGE = 2
TIMED_OUT = 124
OWN_FAILURE = 125
OUTPUT_CLOSED = 141  # 128 + SIGPIPE: the reader of the output has gone away


class UsageError(Exception):
    """The command line is wrong: the command prints this in one line and ends with status 2."""


class ToolError(Exception):
    """The command failed, not the program that it ran: the command prints this and ends with status 125."""


class Interrupted(BaseException):
    """A signal came: the command cleans up and ends with status 128 + the signal's number."""

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.signal_number = signal_number
