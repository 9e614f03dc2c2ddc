"""The command line: what can be asked for, in the words of `--help`."""

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path

from . import bootargs, debug, demos, disk, memory, run, setup, tests
from .errors import UsageError
from .paths import MACHINES, SANITIZED


class Parser(argparse.ArgumentParser):
    """A wrong option is one line, and the command it was given to is the one that says it."""

    def parse_known_args(self, args=None, namespace=None):
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str):
        raise UsageError(f"{message} (`{self.prog} --help` explains)")


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="./cotrap",
        description="Builds Cotrap, boots it in QEMU and runs programs on it.",
        epilog="Each command has its own --help. docs/running.md tells the rest.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, action, summary: str, **more) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            allow_abbrev=False,
            **more,
        )
        added.set_defaults(action=action)
        return added

    command(
        "setup",
        lambda _: setup.install(),
        "install the packages that are missing (Debian 12 and 13)",
    )

    demo = command(
        "demo",
        demos.run,
        "run the demos, one verdict line each; with NAMEs, those, with all they print",
    )
    demo.add_argument("names", nargs="*", metavar="NAME", help="a demo to run and to watch")
    demo.add_argument("--list", action="store_true", help="name the demos, with a line each")
    add_machine(demo)
    demo.set_defaults(harts=0)
    add_timeout(demo, f"give up on a demo after S seconds ({demos.TIMEOUT:g})")
    add_quiet(demo, "print verdict lines only, and what a demo printed that fails")

    runs = command(
        "run",
        run.run,
        "boot to a shell, or with a program in its place",
        epilog="Everything after FILE goes to the program. Its standard output and exit status are "
        "the command's: 128 + signal where it was killed, 124 on --timeout, 125 if Cotrap "
        "itself failed.",
    )
    add_machine(runs)
    add_timeout(runs, "give up after S seconds, with exit status 124")
    add_quiet(runs, "standard output is what the program writes and nothing else")
    add_program(runs)

    debugs = command("debug", debug.run, "boot stopped, with gdb attached and symbols loaded")
    add_machine(debugs)
    add_timeout(debugs, "give up after S seconds, with exit status 124")
    add_quiet(debugs, "of the console, show what the program writes and nothing else")
    debugs.add_argument(
        "--gdb",
        action="append",
        default=[],
        metavar="COMMAND",
        help="a command for gdb once it is attached (repeatable)",
    )
    add_program(debugs)

    test = command("test", tests.run, "build and run all tests: on the host and in QEMU")
    test.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="only tests whose name contains one of these (regular expressions)",
    )
    test.add_argument(
        "--minutes",
        type=duration("minutes"),
        metavar="N",
        help="how long `test soak` goes on (10); it runs only when it is asked for",
    )
    test.add_argument("--list", action="store_true", help="name the tests")
    test.add_argument(
        "--quick", action="store_true", help="one kernel build: without the other trap path"
    )
    test.add_argument(
        "-j",
        "--jobs",
        type=positive,
        metavar="N",
        default=os.cpu_count(),
        help="so many at once (%(default)s)",
    )
    return top


def add_build(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--build",
        metavar="NAME",
        help="the preset to build and boot, or a build folder to take as it is (of the machine: "
        + ", ".join(MACHINES.values())
        + ")",
    )


def add_machine(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--machine",
        choices=MACHINES,
        default="riscv64",
        help="riscv64 in QEMU, or hosted: the same kernel as a process of this host (%(default)s)",
    )
    command.add_argument(
        "--sanitize",
        choices=SANITIZED,
        help="the hosted machine's kernel under AddressSanitizer and UndefinedBehaviorSanitizer",
    )
    command.add_argument(
        "--harts", type=harts, default=1, metavar="N", help="processors, 1 to 8 (usually 1)"
    )
    command.add_argument(
        "--mem",
        dest="memory",
        type=checked(memory.parse),
        default="256M",
        metavar="SIZE",
        help="memory (%(default)s)",
    )
    command.add_argument(
        "--icount",
        action="store_true",
        help="count time in instructions, so that runs repeat exactly",
    )
    command.add_argument(
        "--disk",
        type=disk.parse,
        action=Once,
        metavar="FILE[,ro]",
        help="a disk, /dev/vda in the guest: a file of the host, of whole 512-byte sectors, which "
        "the guest writes to (not with ,ro)",
    )
    command.add_argument(
        "--append",
        action="append",
        default=[],
        type=checked(bootargs.more_words),
        metavar="WORDS",
        help="more `key=value` words for the kernel (repeatable)",
    )
    command.add_argument(
        "--add",
        action="append",
        default=[],
        type=path,
        metavar="PATH",
        help="put a host file or folder into the guest's root (repeatable)",
    )
    add_build(command)


def add_timeout(command: argparse.ArgumentParser, meaning: str) -> None:
    command.add_argument("--timeout", type=duration("seconds"), metavar="S", help=meaning)


def add_quiet(command: argparse.ArgumentParser, meaning: str) -> None:
    command.add_argument("-q", "--quiet", action="store_true", help=meaning)


def add_program(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "program",
        nargs="?",
        type=path,
        metavar="FILE",
        help="the first program, instead of the shell",
    )
    command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG", help="its arguments")


def checked(parse: Callable[[str], str]) -> Callable[[str], str]:
    """A type for argparse: what is wrong is what the ValueError says."""

    def convert(text: str) -> str:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty name names nothing")
    return Path(text)


def is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", text) is not None


def positive(text: str) -> int:
    if not is_number(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 up")
    return int(text)


def harts(text: str) -> int:
    if not is_number(text) or not 1 <= int(text) <= 8:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 8")
    return int(text)


class Once(argparse.Action):
    """Of two the last would win, silently."""

    def __call__(self, command, namespace, value, option=None):
        if getattr(namespace, self.dest) is not None:
            command.error(f"{option}: there is one at most")
        setattr(namespace, self.dest, value)


def duration(unit: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text) if text.isascii() else 0.0
        except ValueError:
            value = 0.0
        if not 0 < value < 1e9:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number of {unit}")
        return value

    return parse
