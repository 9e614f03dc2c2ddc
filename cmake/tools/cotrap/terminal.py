"""The host's terminal, for as long as it is the guest's."""

import os
import sys
import termios
from contextlib import contextmanager


def is_ours() -> bool:
    """Whether a person is typing here and reading here: then the guest's console is a terminal. In
    the background, or with either end in a pipe, it is not."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def kept():
    """Puts the settings found here back, however this is left, if the terminal is ours."""
    before = termios.tcgetattr(sys.stdin.fileno()) if is_ours() else None
    try:
        yield
    finally:
        if before:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)


@contextmanager
def raw():
    """Every key goes through as it is; lines still end in carriage return and line feed on the
    way out. For a terminal that is ours."""
    file = sys.stdin.fileno()
    settings = termios.tcgetattr(file)
    settings[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
    settings[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
    with kept():
        termios.tcsetattr(file, termios.TCSADRAIN, settings)
        yield
