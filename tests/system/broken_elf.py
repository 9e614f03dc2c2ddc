"""No broken program file stops the kernel: execve fails, or the process dies."""

import random
import struct
import tempfile
from collections import Counter
from pathlib import Path

import harness
from cotrap.qemu import Machine

FLIPS = 500
SEED = 2

# Offsets in a 64-bit ELF header and in one of its program headers.
TYPE, MACHINE, VERSION, ENTRY, PHOFF, PHENTSIZE, PHNUM = 16, 18, 20, 24, 32, 54, 56
P_TYPE, P_FLAGS, P_OFFSET, P_VADDR, P_FILESZ, P_MEMSZ, P_ALIGN = 0, 4, 8, 16, 32, 40, 48
LOAD, INTERPRETER, GNU_STACK = 1, 3, 0x6474E551


def changed(good: bytes, *changes: tuple[str, int, int]) -> bytes:
    """A copy of the file with other values at some offsets: (struct format, offset, value)."""
    file = bytearray(good)
    for form, offset, value in changes:
        struct.pack_into(f"<{form}", file, offset, value)
    return bytes(file)


def loads(good: bytes) -> list[int]:
    """The offsets of the program headers of type LOAD."""
    (start,) = struct.unpack_from("<Q", good, PHOFF)
    size, count = struct.unpack_from("<HH", good, PHENTSIZE)
    headers = range(start, start + size * count, size)
    return [header for header in headers if struct.unpack_from("<I", good, header)[0] == LOAD]


def refused(good: bytes) -> dict[str, bytes]:
    """Broken files, by name. execve() of each must fail with ENOEXEC."""
    first, *_, last = loads(good)
    (first_address,) = struct.unpack_from("<Q", good, first + P_VADDR)
    top = 1 << 63
    return {
        "empty": b"",
        "magic-only": good[:4],
        "header-cut": good[:63],
        "headers-cut": good[: first + 20],
        "not-elf": b"\0" + good[1:],
        "32-bit": changed(good, ("B", 4, 1)),
        "big-endian": changed(good, ("B", 5, 2)),
        "version": changed(good, ("I", VERSION, 9)),
        "another-machine": changed(good, ("H", MACHINE, 40)),
        "object-file": changed(good, ("H", TYPE, 1)),
        "core-file": changed(good, ("H", TYPE, 4)),
        "no-headers": changed(good, ("H", PHNUM, 0)),
        "headers-absurd": changed(good, ("H", PHNUM, 0xFFFF)),
        "header-size": changed(good, ("H", PHENTSIZE, 57)),
        "headers-far": changed(good, ("Q", PHOFF, top)),
        "headers-wrap": changed(good, ("Q", PHOFF, (1 << 64) - 8)),
        "entry-nowhere": changed(good, ("Q", ENTRY, 0x10)),
        "entry-in-kernel": changed(good, ("Q", ENTRY, 0xFFFFFFC080200000)),
        "segment-past-end": changed(good, ("Q", first + P_OFFSET, 1 << 40)),
        "segment-wraps": changed(good, ("Q", first + P_VADDR, (1 << 64) - 4096)),
        "segment-in-kernel": changed(good, ("Q", first + P_VADDR, 0xFFFFFFC080200000)),
        "file-size-absurd": changed(good, ("Q", first + P_FILESZ, top)),
        "memory-size-absurd": changed(good, ("Q", last + P_MEMSZ, top)),
        "memory-below-file": changed(good, ("Q", first + P_MEMSZ, 1)),
        "align-odd": changed(good, ("Q", first + P_ALIGN, 3)),
        "overlap": changed(good, ("Q", last + P_VADDR, first_address)),
        "interpreter": changed(good, ("I", first + P_TYPE, INTERPRETER)),
    }


def unusual(good: bytes) -> dict[str, bytes]:
    """Unusual files that must run."""
    headers = range(loads(good)[-1] + 56, len(good), 56)
    stack = next(at for at in headers if struct.unpack_from("<I", good, at)[0] == GNU_STACK)
    return {
        "in-the-stacks-place": changed(
            good,
            ("I", stack + P_TYPE, LOAD),
            ("I", stack + P_FLAGS, 6),
            ("Q", stack + P_VADDR, 0x3FFF0000),
            ("Q", stack + P_OFFSET, 0),
            ("Q", stack + P_MEMSZ, 4096),
        ),
    }


def tolerated(good: bytes) -> dict[str, bytes]:
    """Truncated files and files with flipped bits: each may fail, run or die, but the kernel must survive."""
    files = {}
    for eighth in range(1, 8):
        files[f"cut-{eighth}"] = good[: len(good) * eighth // 8]
    chance = random.Random(SEED)
    for number in range(FLIPS):
        file = bytearray(good)
        # Half of the flips hit the headers, where most bits matter.
        reach = 64 + 56 * 8 if number % 2 else len(file)
        file[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        files[f"flip-{number:03}"] = bytes(file)
    return files


with harness.Test(__doc__, all_everyday=True) as test, tempfile.TemporaryDirectory() as scratch:
    good = (test.build.initrd_root / "bin" / "hello").read_bytes()
    must, may, odd = refused(good), tolerated(good), unusual(good)
    # The good and the unusual files must end by themselves, however busy the host is.
    for folder, files in (("whole", {"good": good, **odd}), ("broken", must | may)):
        (Path(scratch) / folder).mkdir()
        for name, file in files.items():
            path = Path(scratch) / folder / name
            path.write_bytes(file)
            path.chmod(0o755)
        test.add(Path(scratch) / folder, folder)
    test.add(test.folder / "test-programs" / "try-elf", "try-elf")

    for harts in (1, 4):
        done = test.run("/try-elf", "/whole", "--kill", "/broken", machine=Machine(harts))
        test.check(done.status == 0, f"the kernel survives all files ({harts} harts)", done.text + done.why)
        rows = (line.split("\t") for line in done.text.splitlines() if "\t" in line)
        outcome = {Path(row[0]).name: row[1] for row in rows}
        test.check(len(outcome) == 1 + len(must) + len(may) + len(odd), f"{len(outcome)} files were tried")
        test.check(
            outcome.get("good") == "exit 0",
            "the original file runs",
            str(outcome.get("good")),
        )
        for name in odd:
            test.check(outcome.get(name) == "exit 0", f"{name} runs", str(outcome.get(name)))
        for name in must:
            test.check(outcome.get(name) == "ENOEXEC", f"{name} is ENOEXEC", str(outcome.get(name)))
        counts = Counter(outcome.get(name, "nothing") for name in may)
        print(
            "truncated or with a flipped bit:",
            ", ".join(f"{n} {what}" for what, n in counts.most_common()),
        )
        test.check("nothing" not in counts, f"each of these {len(may)} files has an outcome")
