"""`./cotrap run`: runs the shell, or a program. The program's output and exit status become the command's."""

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from . import build, callgrind, elf, hosted, terminal
from .console import FileSink, TimedOut, relay
from .errors import OUTPUT_CLOSED, OWN_FAILURE, TIMED_OUT, UsageError
from .log_names import LogNames
from .paths import Build, check_output
from .qemu import Boot, Guest, Machine, archive_with
from .sim import kernel, simulator
from .sources import FramedInput, Keyboard, Quit, Silence, is_empty
from .suggestions import did_you_mean
from .ui import Waiting, say

_QUIT = 130  # after Ctrl-A X, as if by ^C


def run(arguments) -> int:
    if kernel.is_workload(arguments.program):
        return kernel.run(arguments)
    arguments.harts = arguments.harts or 1
    if arguments.trace or arguments.record or arguments.starving:
        raise UsageError(
            "--trace, --record and --starving work only with a workload: use `./cotrap trace` for a program"
        )
    if not arguments.callgrind:
        return run_on(machine(arguments), prepare(arguments, terminal.is_ours()), arguments)
    if arguments.machine != "hosted" or arguments.sanitize:
        raise UsageError("--callgrind works only with `--machine hosted`, and without a sanitizer")
    check_output(arguments.callgrind)
    with tempfile.TemporaryDirectory(prefix="cotrap-") as folder:
        boot = prepare(arguments, terminal.is_ours())
        under = callgrind.prepare(machine(arguments), boot, arguments.callgrind, Path(folder))
        return run_on(*under, arguments)


def run_on(machine: Machine, boot: Boot, arguments) -> int:
    """Boots, and connects the console to standard input, output and error. Returns the exit status."""
    name = program_name(arguments)
    with ExitStack() as stack:
        if boot.terminal:
            stack.enter_context(terminal.raw())
            source = Keyboard(sys.stdin.fileno())
            hint = "; Ctrl-A X quits"
        else:
            file = sys.stdin.fileno()
            boot = replace(boot, has_no_input=is_empty(file))
            source = Silence() if boot.has_no_input else FramedInput(file)
            hint = ""
        boot = replace(boot, errors_apart=not _are_one_file(sys.stdout, sys.stderr))
        guest = stack.enter_context(Guest(machine, boot))
        waiting = stack.enter_context(Waiting(lambda: f"{name} is {guest.marks.state.value}{hint}"))

        def on_put() -> None:
            """The program's output ends the line of `waiting`; kernel messages only hide it for a while."""
            waiting.over() if guest.marks.program_wrote else waiting.hide()

        errors = FileSink(sys.stderr.fileno(), on_put) if boot.errors_apart else None
        sink = FileSink(
            sys.stdout.fileno(),
            on_put,
            **({} if boot.quiet else {"through": LogNames(boot.build.kernel).feed}),
        )
        try:
            relay(guest, source, sink, arguments.timeout, errors)
        except TimedOut:
            waiting.over()
            say(f"{name} was still {guest.marks.state.value} after {arguments.timeout:g} s (--timeout)")
            return TIMED_OUT
        except Quit:
            return _QUIT if arguments.program else 0
        except BrokenPipeError:
            return OUTPUT_CLOSED
    if trouble := guest.trouble():
        say(trouble)
        return OWN_FAILURE
    if arguments.program and guest.marks.refusal:
        why = elf.why_not_runnable(arguments.program, boot.build.is_hosted)
        say(f"{name} {why or f'cannot be started: {os.strerror(guest.marks.refusal)}'}")
        if own := _find_own_program(boot.build, name):
            if not os.path.samefile(own, arguments.program):
                say(f"hint: {name} without a folder is the program in the guest's /bin")
    return guest.marks.exit_code


def _are_one_file(first, second) -> bool:
    """Whether both are the same terminal, file or pipe. Then the guest's standard output and standard error
    stay one stream, so that the bytes keep the order of the writes."""
    return os.path.samestat(os.fstat(first.fileno()), os.fstat(second.fileno()))


def machine(arguments, *extra: str, ram: int | None = None) -> Machine:
    return Machine(
        arguments.harts,
        arguments.memory,
        arguments.icount,
        extra,
        arguments.disk,
        fs=arguments.fs,
        ram=ram,
    )


def prepare(arguments, on_terminal: bool) -> Boot:
    """The boot that the command line describes. It checks all files before it builds. If
    `arguments.program` names a program of Cotrap, this function replaces the name by the program's file."""
    program = arguments.program
    # os.path: these functions return False for a name that is too long; Path's would raise.
    is_file = not program or os.path.isfile(program)
    if not is_file and (os.path.exists(program) or len(program.parts) > 1):
        why = "not a file" if os.path.exists(program) else "no such file"
        raise UsageError(f"{program}: {why}")
    check_files(arguments)
    if not arguments.quiet:
        _hint_at_late_options(arguments)

    built = build.chosen(arguments)
    if not is_file:
        arguments.program = program = _own_program(built, program)
    archive = archive_with(built, arguments.add)
    size = shutil.get_terminal_size()
    environment = {"TERM": os.environ.get("TERM", "dumb")} if on_terminal else {}
    common = {
        "build": built,
        "environment": environment,
        "quiet": arguments.quiet,
        "terminal": (size.columns, size.lines) if on_terminal else None,
        "append": " ".join(arguments.append),
    }
    if program:
        guest_path = f"run/{program.name}"
        archive.add_program(program, guest_path)
        common |= {"program": f"/{guest_path}", "arguments": arguments.arguments}
    return Boot(archive=archive.pack(), **common)


def _hint_at_late_options(arguments) -> None:
    """Prints a hint if options of the command stand after FILE, because the program gets those."""
    words = takewhile(lambda word: word != "--", arguments.arguments)
    names = dict.fromkeys(word.partition("=")[0] for word in words)
    if late := ", ".join(name for name in names if name in arguments.own_options):
        program = arguments.program.name
        say(f"hint: {program} gets {late}; put options of the command before {program}")


def _find_own_program(built: Build, name: Path | str) -> Path | None:
    for folder in (built.folder / "user" / "bin", built.initrd_root / "bin"):
        if os.path.isfile(folder / name):
            return folder / name
    return None


def _own_program(built: Build, name: Path) -> Path:
    """The file of a program in the guest's /bin, with symbols if the build has them. Raises UsageError."""
    if found := _find_own_program(built, name):
        return found
    hint = did_you_mean(str(name), [*os.listdir(built.initrd_root / "bin"), *simulator.workloads()])
    raise UsageError(f"{name}: no such file or program{hint} (`./cotrap run ls /bin` lists the programs)")


def check_files(arguments) -> None:
    """Raises UsageError if a file that an option names is missing, or the machine lacks an option."""
    hosted.check(arguments)
    for path in arguments.add:
        if not os.path.exists(path):
            raise UsageError(f"--add {path}: no such file or folder")
    if arguments.disk:
        os.close(arguments.disk.open())


def program_name(arguments) -> str:
    return arguments.program.name if arguments.program else "the shell"
