"""What ends a command early, and with which exit status."""

WRONG_USAGE = 2
TIMED_OUT = 124
OWN_FAILURE = 125
CANNOT_RUN = 126  # as a shell has it, and the kernel too
NOBODY_READS = 141  # as if by SIGPIPE


class UsageError(Exception):
    """The command line asks for something that cannot be: one line, exit status 2."""


class ToolError(Exception):
    """The command itself failed, not the program it ran: one line, exit status 125."""


class Interrupted(BaseException):
    """A signal asked the command to stop: clean up, exit status 128 + signal."""

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.signal_number = signal_number
