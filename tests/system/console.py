"""A program's input, output and exit status pass through the command unchanged."""

import random
import re

import harness


def records(stream: bytes, count: int) -> list[bytes]:
    """The records that programs/streams.cpp writes."""
    rest = b"\x101\x102\x10\x102" + bytes(range(256))
    return [b"%s%d%s" % (stream, number, rest) for number in range(count)]


def standard_error(test: harness.Test) -> None:
    """The command keeps standard error apart from standard output."""
    count = 200
    output, errors = records(b"out", count), records(b"err", count)
    half = b"\x102"  # the program writes this to standard output after each pair of records
    program = test.folder / "test-programs" / "streams"
    name = "\x102\x10"  # bytes of a framing command, which the kernel's log then contains
    test.add(program, name)
    done = test.run(f"/{name}", str(count), errors_apart=True)
    test.check(done.status == 7, "a program that writes to both outputs keeps its exit status", done.why)
    expected = b"".join(each + half for each in output)
    test.check(done.output == expected, "standard output has exactly its own bytes")
    test.check(done.errors == b"".join(errors), "… and standard error has its own")
    done = test.run(f"/{name}", str(count))
    both = b"".join(out + error + half for out, error in zip(output, errors, strict=True))
    test.check(done.output == both, "both outputs appear in one file in the order of the writes", done.why)

    done = test.run(f"/{name}", "2", errors_apart=True, quiet=False, machine=harness.Machine(harts=2))
    logged = b"\x102\x10 (1): no system call 500" in done.output
    test.check(logged, "the kernel's lines appear in standard output", done.output)
    test.check(done.errors == b"".join(errors[:2]), "… and not in standard error", done.errors)
    done = test.run("/bin/cat", "/nowhere", errors_apart=True)
    test.check(
        done.output == b"" and b"/nowhere" in done.errors,
        "an error message of a program appears only in standard error", done.errors,
    )  # fmt: skip
    typed = harness.Dialogue((r"[$] ", "cat nowhere\n"), (r"[$] ", "\x04"))
    done = test.run("/bin/sh", typed=typed, errors_apart=True)
    test.check(
        b"nowhere: " in done.errors and b"cat nowhere" in done.output, "also if the console is a terminal",
        done.output + b"\n" + done.errors,
    )  # fmt: skip


def exit_statuses(test: harness.Test) -> None:
    for status in (0, 1, 7, 255):
        done = test.run("/bin/sh", "-c", f"exit {status}")
        test.check(done.status == status, f"the command exits with the program's status {status}", done.why)

    done = test.run("/bin/sh", stdin=b"sleep 60 & kill -9 $!\nexit 4\n")
    test.check(
        done.status == 4, "a shell runs a script from standard input to its end", done.why + done.text
    )

    done = test.run("/bin/no-such-program")
    test.check(done.status == 127, "a missing first program ends with status 127", done.why)
    done = test.run("/etc/demos")
    test.check(done.status == 126, "a first program that is no program ends with status 126", done.why)


def environment(test: harness.Test) -> None:
    done = test.run("/bin/env", append="env=GREETING=g%C3%BCn%20tag%25")
    test.check(
        "GREETING=gün tag%" in done.text.splitlines(),
        "an encoded variable reaches the environment decoded",
        done.output,
    )

    done = test.run("/bin/env", append="env=TERM=dumb")
    test.check(
        [line for line in done.text.splitlines() if line.startswith("TERM=")] == ["TERM=dumb"],
        "a given variable replaces the kernel's default",
        done.output,
    )


def input_and_output(test: harness.Test, harts: int) -> None:
    machine = test.machine(harts=harts)
    every_byte = bytes(range(256)) * 64
    done = test.run("/bin/cat", stdin=every_byte, machine=machine)
    test.check(
        done.output == every_byte,
        f"each of the 256 bytes passes through unchanged ({harts} harts)",
        done.why,
    )

    done = test.run("/bin/cat", stdin=b"", machine=machine)
    test.check(
        (done.status, done.output) == (0, b""),
        f"an empty standard input is end of file at once ({harts} harts)",
        done.why,
    )

    much = random.Random(1).randbytes(100 << 10)
    done = test.run("/bin/cat", stdin=much, machine=machine)
    same = done.output == much
    test.check(same, f"100 KiB pass through unchanged ({harts} harts)", done.why)

    lines = b"line\n" * 10_000
    done = test.run("/bin/sh", "-c", "sleep 0.2; cat | wc", stdin=lines, machine=machine)
    test.check(
        "10000" in done.text,
        f"input waits until the program reads it ({harts} harts)",
        done.text + done.why,
    )


def kernel_messages(test: harness.Test) -> None:
    done = test.run("/bin/sh", "-c", "echo a", quiet=False)
    lines = done.text.splitlines()
    test.check("a" in lines, "a program's output has its own line among the kernel's messages", done.output)
    test.check(
        all(line == "a" or line.startswith("[") for line in lines),
        "every line of the kernel is marked",
        done.output,
    )
    test.check("OpenSBI" not in done.text, "the firmware's banner is not shown", done.output)


def machines(test: harness.Test) -> None:
    for memory in ("64M", "1G"):
        done = test.run("/bin/true", machine=harness.Machine(memory=memory))
        test.check(done.status == 0, f"the kernel boots with {memory} of memory", done.why)
    done = test.run("/bin/grep", "processor", "/proc/cpuinfo", machine=harness.Machine(harts=4))
    test.check(
        (done.status, len(done.text.splitlines())) == (0, 4),
        "the kernel boots with 4 harts and lists them",
        done.text + done.why,
    )
    done = test.run("/bin/grep", "isa", "/proc/cpuinfo", machine=harness.Machine(harts=2))
    isas = re.findall(r"isa\t\t: (rv64\w*_z\w+)$", done.text, re.MULTILINE)
    has_tree = test.build.machine == "riscv64"
    test.check(
        len(isas) == 2 * has_tree and (has_tree or "isa" not in done.text),
        "/proc/cpuinfo lists the extensions of the device tree, if there is one",
        done.text,
    )
    what = "the kernel boots with time counted in instructions"
    if not test.lacks(what, harness.COUNTED):
        done = test.run("/bin/true", machine=harness.Machine(icount=True))
        test.check(done.status == 0, what, done.why)


with harness.Test(__doc__) as test:
    for harts in test.harts_of_tier:
        input_and_output(test, harts)
    if test.everyday:
        exit_statuses(test)
        environment(test)
        kernel_messages(test)
        standard_error(test)
        machines(test)
