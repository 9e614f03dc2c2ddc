"""`./cotrap debug`: boots as `./cotrap run` does, stops at the kernel's first C++ function, attaches gdb."""

import os
import re
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from .. import debugger, elf, hosted
from ..console import FileSink, relay
from ..errors import ToolError, UsageError
from ..paths import TOOLS, Build
from ..preparation import machine, prepare
from ..qemu import Guest, memory_file
from ..sources import Silence

_GDB_COMMANDS = TOOLS / "cotrap" / "gdb" / "commands.py"
_DEBUGGERS = ("gdb-multiarch", "riscv64-unknown-elf-gdb", "riscv64-linux-gnu-gdb")


def run(arguments) -> int:
    arguments.append.append("trace")  # gdb's command `coroutines` shows since when a job waits
    boot = prepare(arguments, on_terminal=False)
    kind = boot.build.processor
    if arguments.program and elf.program(arguments.program, kind) is None:
        raise UsageError(f"{arguments.program}: `debug` needs a {kind} ELF program")
    gdb = debugger.find(*_DEBUGGERS)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cotrap-"))
        socket = os.path.join(folder, "gdb")
        stopped = ("-S", "-gdb", f"unix:{socket},server=on,wait=off")
        if boot.build.is_hosted:
            stopped = hosted.STOPPED
        ram = stack.enter_context(open(memory_file("ram", b""), "rb"))
        paused = replace(machine(arguments, *stopped, ram=ram.fileno()), paused=True)
        with Guest(paused, boot) as guest:
            if boot.build.is_hosted:
                script = hosted.attach(guest.pid)
            else:
                _wait_for(socket, guest)
                script = [f"target remote {socket}"]
            console = threading.Thread(target=_show, args=(guest,), daemon=True)
            console.start()
            script += [f"source {_GDB_COMMANDS}", *_commands(arguments.program, boot.build)]
            script += arguments.gdb
            command = [gdb, "-q", *debugger.script_options(script), str(boot.build.kernel)]
            mode = "3" if boot.build.machine == "riscv64-pmp" else "1"
            environment = os.environ | {"COTRAP_RAM": str(ram.fileno()), "COTRAP_MODE": mode}
            files = (ram.fileno(),)
            status = debugger.run(command, arguments.timeout, pass_fds=files, env=environment)
            guest.end()
            console.join()
    return status


def _commands(program: Path | None, build: Build) -> list[str]:
    """gdb's commands that stop at the kernel's first C++ function and, after `continue`, at the program's
    first instruction. Earlier than that function, address translation is off, so gdb finds no symbols."""
    commands = ["set confirm off", "tbreak kernel_main", "continue"]
    if program:
        loaded = elf.program(program, build.processor)
        if not build.has_mmu:  # the kernel loads programs where there is room
            return [*commands, f"stop-in-program {loaded.start - loaded.bias:#x} {program}"]
        # On the hosted machine a hardware breakpoint: the program's memory is not mapped yet.
        origin, stop = (hosted.FIRST_WINDOW, "thbreak") if build.is_hosted else (0, "tbreak")
        commands += [
            f"add-symbol-file {_quoted(program)} -o {origin + loaded.bias:#x}",
            f"{stop} *{origin + loaded.start:#x}",
        ]
    return commands


def _quoted(path: Path) -> str:
    """The path as one quoted word for gdb."""
    return '"' + re.sub(r'(["\\])', r"\\\1", str(path)) + '"'


def _show(guest: Guest) -> None:
    """Prints the guest's console. If standard output is closed, the debugger still runs."""
    with suppress(BrokenPipeError, ToolError):
        relay(guest, Silence(), FileSink(sys.stdout.fileno()))


def _wait_for(socket: str, guest: Guest) -> None:
    while not os.path.exists(socket):
        if not guest.alive(within=0.02):
            raise ToolError(guest.trouble())
