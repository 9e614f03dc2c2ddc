"""What a program writes, reads and returns reaches the command unchanged."""

import random

import harness

with harness.Test(__doc__) as test:
    for status in (0, 1, 7, 255):
        done = test.run("/bin/sh", "-c", f"exit {status}")
        test.check(done.status == status, f"exit status {status} is the command's", done.why)

    done = test.run("/bin/sh", stdin=b"sleep 60 & kill -9 $!\nexit 4\n")
    test.check(
        done.status == 4, "a shell fed from a file obeys it to its end", done.why + done.text
    )

    done = test.run("/bin/env", append="env=GREETING=g%C3%BCn%20tag%25")
    test.check(
        "GREETING=gün tag%" in done.text.splitlines(),
        "an encoded variable reaches the environment decoded",
        done.output,
    )

    done = test.run("/bin/env", append="env=TERM=dumb")
    test.check(
        [line for line in done.text.splitlines() if line.startswith("TERM=")] == ["TERM=dumb"],
        "a variable that is given replaces the kernel's own",
        done.output,
    )

    every_byte = bytes(range(256)) * 64
    done = test.run("/bin/cat", stdin=every_byte)
    test.check(
        done.output == every_byte, "each of the 256 bytes goes in and out as itself", done.why
    )

    done = test.run("/bin/cat", stdin=b"")
    test.check(
        (done.status, done.output) == (0, b""), "an empty standard input is at its end", done.why
    )

    much = random.Random(1).randbytes(1 << 18)
    done = test.run("/bin/cat", stdin=much)
    same = done.output == much
    test.check(same, f"256 KiB go through unchanged ({done.seconds:.1f} s)", done.why)

    done = test.run("/bin/sh", "-c", "sleep 1; cat | wc", stdin=b"line\n" * 20_000)
    test.check(
        "20000" in done.text, "input waits for a program that reads late", done.text + done.why
    )

    done = test.run("/bin/sh", "-c", "echo a", quiet=False)
    lines = done.text.splitlines()
    test.check("a" in lines, "output stands on its own line among kernel messages", done.output)
    test.check(
        all(line == "a" or line.startswith("[") for line in lines),
        "every line that is not the program's is marked",
        done.output,
    )
    test.check("OpenSBI" not in done.text, "the firmware's banner is not shown", done.output)

    done = test.run("/bin/no-such-program")
    test.check(done.status == 127, "a first program that is missing is status 127", done.why)
    done = test.run("/etc/demos")
    test.check(done.status == 126, "one that is no program is status 126", done.why)

    for memory in ("64M", "1G"):
        done = test.run("/bin/true", machine=harness.Machine(memory=memory))
        test.check(done.status == 0, f"boots with {memory} of memory", done.why)
    done = test.run("/bin/grep", "processor", "/proc/cpuinfo", machine=harness.Machine(harts=4))
    test.check(
        (done.status, len(done.text.splitlines())) == (0, 4),
        "boots with 4 harts, and names them",
        done.text + done.why,
    )
    done = test.run("/bin/true", machine=harness.Machine(icount=True))
    test.check(done.status == 0, "boots with time counted in instructions", done.why)
