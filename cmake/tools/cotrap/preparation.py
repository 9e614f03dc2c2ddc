"""The machine and the boot that a command line describes, for the commands that run a program."""

import os
import shutil
from itertools import takewhile
from pathlib import Path

from . import build, elf, libraries, machines, network, root_folder
from .errors import UsageError
from .paths import Build
from .qemu import Boot, Machine, archive_with
from .sim import simulator
from .suggestions import did_you_mean
from .ui import say


def machine(arguments, *extra: str, ram: int | None = None) -> Machine:
    return Machine(
        arguments.harts,
        arguments.memory,
        arguments.icount,
        extra,
        arguments.disk,
        share=arguments.share,
        root=arguments.root,
        network=network.of(arguments),
        fs=arguments.fs,
        kvm=arguments.accel == "kvm",
        **machines.given_cpu(arguments),
        ram=ram,
    )


def prepare(arguments, on_terminal: bool) -> Boot:
    """The boot that the command line describes. It checks all files before it builds. If
    `arguments.program` names a program of Cotrap, this function replaces the name by the program's file."""
    if arguments.root:
        return _prepare_in_root(arguments, on_terminal)
    program = arguments.program
    if simulator.is_workload(program):
        raise UsageError(f"{program} is a workload: `./cotrap run {program} --trace FILE` writes its timeline")
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
    words = {}
    if program:
        guest_path = f"run/{program.name}"
        archive.add_program(program, guest_path)
        libraries.add(archive, program, built.processor)
        if interpreter := libraries.missing(archive, program):
            raise UsageError(
                f"{program} is linked dynamically and needs {interpreter}, which is not on this host: install the C "
                f"library for {built.processor} (libc6-{built.processor}-cross), add the file with --add, or link "
                "the program with -static"
            )
        words = {"program": f"/{guest_path}", "arguments": arguments.arguments}
    return Boot(built, archive.pack(), **words, **_console(arguments, on_terminal))


def _prepare_in_root(arguments, on_terminal: bool) -> Boot:
    """The boot into a folder of the host (--root). `arguments.program` becomes the host's file."""
    root, given = arguments.root, arguments.program
    check_files(arguments)
    if arguments.add:
        raise UsageError("--root boots without a boot archive: leave out --add")
    built = build.chosen(arguments)
    if not built.has_mmu:
        raise UsageError(f"--root needs an MMU: `--machine {arguments.machine}` has none")
    guest, host = root_folder.find_program(root.path, given and str(given))
    root_folder.check_program(root.path, guest, host, built)
    if given:
        arguments.program = host
    if not arguments.quiet and (hint := network.hint_for_root(arguments, Path(root.path))):
        say(f"hint: {hint}")
    console = _console(arguments, on_terminal)
    environment = root_folder.ENVIRONMENT | console.pop("environment")
    return Boot(
        built, None, program=guest, arguments=arguments.arguments, environment=environment, **console
    )


def prepare_builtin(arguments, on_terminal: bool) -> Boot:
    """The boot of a program that is built into the kernel: by its number or name, or number 0."""
    check_files(arguments)
    name = str(arguments.program or 0)
    program = name if name.isdecimal() or "/" in name else f"/bin/{name}"
    words = {"program": program, "arguments": arguments.arguments}
    return Boot(build.chosen(arguments), None, **words, **_console(arguments, on_terminal))


def _console(arguments, on_terminal: bool) -> dict:
    """The parts of a Boot that do not depend on the program."""
    size = shutil.get_terminal_size()
    shares = [share for share in (arguments.share, arguments.root) if share]
    words = [*arguments.append, *(word for share in shares for word in share.words)]
    return {
        "environment": {"TERM": os.environ.get("TERM", "dumb")} if on_terminal else {},
        "quiet": arguments.quiet,
        "terminal": (size.columns, size.lines) if on_terminal else None,
        "append": " ".join(words),
    }


def _hint_at_late_options(arguments) -> None:
    """Prints a hint if options of the command stand after FILE, because the program gets those."""
    words = takewhile(lambda word: word != "--", arguments.arguments)
    names = dict.fromkeys(word.partition("=")[0] for word in words)
    if late := ", ".join(name for name in names if name in arguments.own_options):
        program = arguments.program.name
        say(f"hint: {program} gets {late}; put options of the command before {program}")


def find_own_program(built: Build, name: Path | str) -> Path | None:
    """The file of a program in the guest's /bin, with symbols if the build has them; None if there is none."""
    for folder in (built.folder / "user" / "bin", built.initrd_root / "bin"):
        if os.path.isfile(folder / name):
            return folder / name
    return None


def _own_program(built: Build, name: Path) -> Path:
    """find_own_program(), but raises UsageError if there is none."""
    if found := find_own_program(built, name):
        return found
    hint = did_you_mean(str(name), [*os.listdir(built.initrd_root / "bin"), *simulator.workloads()])
    raise UsageError(f"{name}: no such file or program{hint} (`./cotrap run ls /bin` lists the programs)")


def check_files(arguments) -> None:
    """Raises UsageError if a file that an option names is missing, or the machine lacks an option."""
    machines.check_early(arguments)
    for path in arguments.add:
        if not os.path.exists(path):
            raise UsageError(f"--add {path}: no such file or folder")
    if arguments.disk:
        os.close(arguments.disk.open())
    for share in filter(None, (arguments.share, arguments.root)):
        if arguments.machine == "hosted":
            raise UsageError(f"--{share.tag} needs QEMU, which serves the folder: leave out `--machine hosted`")
        share.check()
    network.check(arguments)


def program_name(arguments) -> str:
    return arguments.program.name if arguments.program else "the shell"
