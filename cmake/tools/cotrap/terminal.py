"""Settings of the host's terminal while the guest uses it."""

import os
import sys
import termios
from contextlib import contextmanager


def is_ours() -> bool:
    """Whether standard input and output are a terminal and the command runs in the foreground. Then the
    guest's console is a terminal, too."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def restored():
    """Restores the terminal's settings at the end of the `with` statement, if the terminal is ours."""
    before = termios.tcgetattr(sys.stdin.fileno()) if is_ours() else None
    try:
        yield
    finally:
        if before:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)


@contextmanager
def raw():
    """Sets the terminal to raw mode: every key reaches the guest, and all output of the guest reaches the
    terminal, unchanged. The guest adds carriage returns. Call it only if the terminal is ours."""
    file = sys.stdin.fileno()
    settings = termios.tcgetattr(file)
    settings[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
    with restored():
        termios.tcsetattr(file, termios.TCSADRAIN, settings)
        yield
