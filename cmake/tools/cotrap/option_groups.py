"""Options that several commands have: which machine, which build, which program."""

import argparse

from . import bootargs, disk, hosted, memory, policies, policy_header
from .option_types import Once, checked, duration, harts, path
from .paths import MACHINES, SANITIZED


def add_build(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--build",
        metavar="NAME",
        help="the preset to build and boot, or a build folder to take as it is (of the machine: "
        + ", ".join(MACHINES.values())
        + ")",
    )


def add_hardware(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--machine",
        choices=MACHINES,
        default="riscv64",
        help="riscv64 in QEMU, or hosted: the same kernel as a process of this host (%(default)s)",
    )
    command.add_argument(
        "--fs",
        choices=hosted.FS,
        help="of the hosted machine: programs' thread-local storage is found by fs, which is changed "
        "on the way in and out (wrfsbase, arch_prctl), or by gs, and their instructions are changed "
        "to that (rewrite)",
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
        "--append",
        action="append",
        default=[],
        type=checked(bootargs.more_words),
        metavar="WORDS",
        help="more `key=value` words for the kernel (repeatable)",
    )
    command.add_argument(
        "--policy",
        dest="append",
        action="append",
        type=lambda name: f"policy={bootargs.encode(name)}",  # checked when all is known
        metavar="NAME",
        help=f"the scheduling policy in the kernel ({policies.DEFAULT}), of those that "
        "`sim --list-policies` names",
    )
    command.add_argument(
        "--policy-header",
        type=checked(policy_header.parse),
        metavar="FILE:CLASS",
        help="one more policy, the class of a header of yours: the kernel is built with it, and has "
        "it unless --policy says another",
    )


def add_machine(command: argparse.ArgumentParser) -> None:
    add_hardware(command)
    command.add_argument(
        "--sanitize",
        choices=SANITIZED,
        help="the hosted machine's kernel under AddressSanitizer and UndefinedBehaviorSanitizer, or "
        "under ThreadSanitizer",
    )
    command.add_argument(
        "--icount",
        action="store_true",
        help="count time in instructions, so that runs repeat exactly: without an entropy device; where "
        "there is a disk or somebody types, those answer when the host does",
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
        "--add",
        action="append",
        default=[],
        type=path,
        metavar="PATH",
        help="put a host file or folder into the guest's root (repeatable)",
    )
    command.add_argument(
        "--self-tests",
        action="store_true",
        help="boot the kernel of tests and benchmarks, which does what /bin/self-test asks for",
    )
    add_build(command)


def add_timeout(
    command: argparse.ArgumentParser,
    meaning: str = "give up after S seconds, with exit status 124",
) -> None:
    command.add_argument("--timeout", type=duration("seconds"), metavar="S", help=meaning)


def add_quiet(
    command: argparse.ArgumentParser,
    meaning: str = "standard output is what the program writes and nothing else",
) -> None:
    command.add_argument("-q", "--quiet", action="store_true", help=meaning)


def add_starving(command: argparse.ArgumentParser, of: str = "") -> None:
    command.add_argument(
        "--starving",
        type=duration("milliseconds"),
        metavar="MS",
        help=f"{of}tell of the first coroutine that is ready for longer than that, and who made it so",
    )


def add_program(command: argparse.ArgumentParser, or_shell: bool = True) -> None:
    """or_shell: the user may leave it out, and then the shell runs."""
    command.add_argument(
        "program",
        nargs="?" if or_shell else None,
        type=path,
        metavar="FILE",
        help=f"the first program{', instead of the shell' * or_shell}: a file, or the name of one of "
        "Cotrap's own",
    )
    words = command.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARG", help="its arguments"
    )
    words.required = False  # Python before 3.12 calls them missing where FILE is
    command.set_defaults(own_options=_long_options(command))


def _long_options(command: argparse.ArgumentParser) -> tuple[str, ...]:
    """Without --help, which many programs have, too."""
    words = (word for action in command._actions for word in action.option_strings)
    return tuple(word for word in words if word.startswith("--") and word != "--help")
