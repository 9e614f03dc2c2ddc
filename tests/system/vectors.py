"""Programs keep their vector registers, and see those of no other program."""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import harness
from cotrap.qemu import Machine
from parts import VECTORS

WITHOUT = 132  # 128 and SIGILL


def with_vectors(bits: int, **given) -> Machine:
    return Machine(cpu=f"rv64,v=true,vlen={bits}", **given)


def everywhere(test: harness.Test, bits: int) -> None:
    """A tick is 100 ns, and an instruction takes 128 ns, so deadlines reach every instruction."""
    machine = with_vectors(bits, icount=True, shift=7)
    done = test.run("/vectors", "preempt", machine=machine)
    figures = " ".join(done.text.split())
    test.check(
        done.status == 0,
        f"registers of {bits} bits stay, wherever another thread preempts their program ({figures})",
        done.text + done.why,
    )


def together(test: harness.Test, bits: int, harts: int) -> None:
    test.run_together("vectors", VECTORS, with_vectors(bits, harts=harts), about=f"{bits} bits: ")


def pages(test: harness.Test, bits: int) -> None:
    """Counted time: there vector instructions are the fastest way to clear and copy pages, so that boot
    chooses them."""
    done = test.run("/vectors", "faults", machine=with_vectors(bits, icount=True))
    test.check(
        done.status == 0,
        f"a page that the kernel clears or copies changes no register of {bits} bits of its program",
        done.text + done.why,
    )


def without(test: harness.Test) -> None:
    done = test.run("/vectors", "illegal")
    test.check(done.status == WITHOUT, "without vector registers their instructions are SIGILL", done.why)


def differing(test: harness.Test) -> None:
    """Boots a machine whose device tree says that hart 1 has no vector registers."""
    machine = with_vectors(128, harts=2)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(
            ["qemu-system-riscv64", *machine.options(), "-machine", f"dumpdtb={tree}"],
            check=True,
            capture_output=True,
            timeout=harness.TIMEOUT,
        )
        data = tree.read_bytes()
        for has, lacks in ((b"rv64imafdcv", b"rv64imafdcc"), (b"\0v\0", b"\0c\0")):
            first, *others = data.split(has)
            data = first + lacks + has.join(others)
        tree.write_bytes(data)
        done = test.run(
            "/vectors", "illegal", machine=replace(machine, extra=("-dtb", str(tree))), quiet=False
        )
    test.check(
        done.status == WITHOUT and "the harts' vector registers differ" in done.text,
        "if one hart lacks vector registers, boot says so and programs cannot use them",
        done.text + done.why,
    )


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "vectors", "vectors")
    if test.everyday:
        for bits in (128, 1024):
            together(test, bits, harts=2)
        everywhere(test, 128)
        pages(test, 1024)
        without(test)
        differing(test)
    if test.rest:
        for bits in (128, 256, 512, 1024):
            for harts in (1, 4):
                together(test, bits, harts)
        for bits in (256, 512, 1024):
            everywhere(test, bits)
        pages(test, 128)
