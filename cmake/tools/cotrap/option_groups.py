"""Options that several commands share: the machine, the build and the program."""

import argparse

from . import bootargs, disk, faults, hosted, machines, memory, network, policies, policy_header, share
from .option_types import Once, checked, duration, harts, path
from .paths import MACHINES, SANITIZED


def add_build(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--build",
        metavar="NAME",
        help="a preset, which is built first, or a build folder, which is used unchanged (the preset of "
        "--machine: " + " or ".join(MACHINES.values()) + ")",
    )


def add_hardware(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--machine",
        choices=MACHINES,
        default=machines.DEFAULT,
        help="riscv64 or pc: the kernel runs in QEMU, on a RISC-V computer or an x86_64 PC. riscv64-nommu is a "
        "RISC-V computer without an MMU; on riscv64-pmp the kernel runs there without firmware, and protects memory "
        "by PMP. hosted: the same kernel runs as a process of this host (%(default)s)",
    )
    command.add_argument(
        "--cpu",
        type=checked(machines.parse_cpu),
        metavar="MODEL",
        help="with --machine riscv64: a model of QEMU's with properties, such as rv64,v=true,vlen=256 for "
        "vector registers of 256 bits (rv64)",
    )
    command.add_argument(
        "--accel",
        choices=machines.ACCELERATORS,
        help="with --machine pc: tcg emulates the processor; kvm runs the kernel on the host's processor, if "
        "the host has KVM (tcg)",
    )
    command.add_argument(
        "--fs",
        choices=hosted.FS,
        help="with --machine hosted: how programs find their thread-local storage. wrfsbase and arch_prctl "
        "set the register fs at each entry and exit, with that instruction or that system call. rewrite "
        "changes the programs' instructions to use gs before they run, and fault changes each at its first "
        "fault. wrfsbase and fault need a processor and a Linux that let programs write fs; otherwise "
        "wrfsbase means arch_prctl, and fault ends with status 2 (the default: wrfsbase)",
    )
    command.add_argument(
        "--harts",
        type=harts,
        default=1,
        metavar="N",
        help="the number of harts (processors), 1 to 64 (1, unless a demo or a workload names a number)",
    )
    command.add_argument(
        "--mem",
        dest="memory",
        type=checked(memory.parse),
        default="256M",
        metavar="SIZE",
        help="the size of the machine's memory, a number with K, M or G (%(default)s)",
    )
    command.add_argument(
        "--append",
        action="append",
        default=[],
        type=checked(bootargs.more_words),
        metavar="WORDS",
        help="add boot options, `key=value` words for the kernel's command line (repeatable)",
    )
    command.add_argument(
        "--policy",
        dest="append",
        action="append",
        type=lambda name: f"policy={bootargs.encode(name)}",  # parse_known_args() checks it
        metavar="NAME",
        help="the kernel's scheduling policy, one that `./cotrap sim --list-policies` lists "
        f"({policies.DEFAULT})",
    )
    command.add_argument(
        "--policy-header",
        type=checked(policy_header.parse),
        metavar="FILE:CLASS",
        help="build the kernel with a scheduling policy of yours, a class in a C++ header; the kernel uses "
        "it unless --policy names another one; not with --build",
    )


def add_machine(command: argparse.ArgumentParser) -> None:
    add_hardware(command)
    command.add_argument(
        "--sanitize",
        choices=SANITIZED,
        help="build the kernel with AddressSanitizer and UndefinedBehaviorSanitizer (address), or with "
        "ThreadSanitizer (thread); only with --machine hosted, and not with --build",
    )
    command.add_argument(
        "--icount",
        action="store_true",
        help="count time in instructions, one a nanosecond, so that two runs are equal, except with a disk "
        "or keyboard input; not with --machine hosted",
    )
    command.add_argument(
        "--disk",
        type=disk.parse,
        action=Once,
        metavar="FILE[,ro]",
        help="add the host's FILE as a disk, /dev/vda in the guest. Its size must be a multiple of 512 "
        "bytes. The guest can write to it, except with ,ro",
    )
    command.add_argument(
        "--share",
        type=share.parse,
        action=Once,
        metavar="DIR[:ro]",
        help="share the host's folder DIR with the guest, which has it in /mnt/share. Both see each other's "
        "changes at once. The guest can change it, except with :ro; not with --machine hosted",
    )
    command.add_argument(
        "--forward",
        action="append",
        default=[],
        type=checked(network.parse_forward),
        metavar="[ADDRESS:]HOST:GUEST[/udp]",
        help="connect the guest to a network, in which port HOST of this host leads to port GUEST of the guest: with "
        "8080:80, http://127.0.0.1:8080 is the guest's server. ADDRESS is one of this host's IPv4 addresses (127.0.0.1); "
        "/udp forwards UDP, not TCP (repeatable); not with --machine hosted",
    )
    command.add_argument(
        "--network",
        action="store_true",
        help="connect the guest to a network, in which it can connect to this host, at 10.0.2.2, and to others; "
        "not with --machine hosted",
    )
    command.add_argument(
        "--add",
        action="append",
        default=[],
        type=path,
        metavar="PATH",
        help="copy the host's file or folder PATH into the guest's root folder, under its last "
        "component: a/data becomes /data (repeatable); not with --root",
    )
    command.add_argument(
        "--faults",
        type=checked(faults.parse),
        metavar="SEED:RATE:KINDS",
        help=f"build a kernel that injects faults into itself: {faults.description(faults.KINDS)}",
    )
    command.add_argument(
        "--self-tests",
        action="store_true",
        help="boot the kernel of tests and benchmarks, whose self-tests /bin/self-test starts",
    )
    command.set_defaults(root=None)  # for commands without add_program()
    add_build(command)


def add_timeout(
    command: argparse.ArgumentParser,
    meaning: str = "end the machine after S seconds, with exit status 124 (no limit)",
) -> None:
    command.add_argument("--timeout", type=duration("seconds"), metavar="S", help=meaning)


def add_quiet(
    command: argparse.ArgumentParser,
    meaning: str = "write only the program's output to standard output, no kernel messages",
) -> None:
    command.add_argument("-q", "--quiet", action="store_true", help=meaning)


def add_starving(command: argparse.ArgumentParser, condition: str = "") -> None:
    command.add_argument(
        "--starving",
        type=duration("milliseconds"),
        metavar="MS",
        help=f"{condition}report the first job that was ready for more than MS milliseconds without running, "
        "and what woke it",
    )


def add_program(command: argparse.ArgumentParser, or_shell: bool = True) -> None:
    """or_shell: the user may leave FILE out, and then the shell runs."""
    command.add_argument(
        "--root",
        type=share.parse_root,
        action=Once,
        metavar="DIR[:ro]",
        help="the guest's root folder is the host's folder DIR and not the boot archive: a system for the "
        "machine, such as an unpacked container image. FILE is then a program of the guest, or the shell is "
        "/bin/bash or /bin/sh. Both sides see each other's changes at once, and with :ro the guest cannot "
        "change it; not with --add, and not with --machine hosted",
    )
    command.add_argument(
        "program",
        nargs="?" if or_shell else None,
        type=path,
        metavar="FILE",
        help=f"the first program{', instead of the shell' * or_shell}: a file of the host, or the name of a "
        "program in the guest's /bin. With --root it is a path or a name in that folder",
    )
    words = command.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARG", help="the program's arguments"
    )
    words.required = False  # before version 3.12, Python reports them as missing if FILE is
    command.set_defaults(own_options=_long_options(command))


def _long_options(command: argparse.ArgumentParser) -> tuple[str, ...]:
    """The command's long options, without --help, which many programs have, too."""
    words = (word for action in command._actions for word in action.option_strings)
    return tuple(word for word in words if word.startswith("--") and word != "--help")
