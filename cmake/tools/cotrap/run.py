"""`./cotrap run`: the shell, or one program whose output and exit status become the command's."""

import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from . import build, terminal
from .console import FileSink, TimedOut, relay
from .errors import OWN_FAILURE, TIMED_OUT, ToolError, UsageError
from .initrd import Archive
from .marks import State
from .qemu import Boot, Guest, Machine
from .sources import FramedInput, Keyboard, Left
from .ui import Waiting, say

_LEFT = 130  # as if by ^C
_NOBODY_READS = 141  # as if by SIGPIPE


def run(arguments) -> int:
    program = existing_file(arguments.program)
    added = [existing(path) for path in arguments.add]
    machine, boot = prepare(arguments, program, added, terminal.is_ours())
    with ExitStack() as stack:
        if boot.terminal:
            stack.enter_context(terminal.raw())
            source = Keyboard(sys.stdin.fileno())
        else:
            source = FramedInput(sys.stdin.fileno())
        name = program.name if program else "the shell"
        waiting = stack.enter_context(Waiting(f"booting, then {name}{leave_hint(boot)}"))
        guest = stack.enter_context(Guest(machine, boot))
        try:
            relay(guest, source, FileSink(sys.stdout.fileno()), arguments.timeout, waiting.over)
        except TimedOut:
            waiting.over()
            say(f"{name} was still running after {arguments.timeout:g} s, and was stopped")
            return TIMED_OUT
        except Left:
            return _LEFT if program else 0
        except BrokenPipeError:
            return _NOBODY_READS
        waiting.over()
        return verdict(guest)
