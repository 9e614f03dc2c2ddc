"""`./cotrap debug` stops in the kernel and in the program, with names for both."""

import subprocess

import harness

with harness.Test(__doc__) as test:
    command = [harness.ROOT / "cotrap", "debug", "--build", test.folder]
    for line in ("frame", "continue", "frame", "continue", "quit"):
        command += ["--gdb", line]
    command.append(test.folder / "user" / "bin" / "hello")
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
    )
    said = done.stdout
    test.check("kernel_main (" in said and "main.cpp" in said, "stops where C++ begins", said)
    test.check("_start ()" in said and "start.S" in said, "then where the program does", said)
    test.check("argument 0: /run/hello" in said, "the program's output is there", said)
    test.check(done.returncode == 0, "and leaving gdb ends it all", said)
