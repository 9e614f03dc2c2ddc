"""A kernel without an MMU has no page tables, loads programs where there is room, and refuses fork.

With physical memory protection (PMP), a program that leaves its memory dies of SIGSEGV.
"""

import re
import subprocess
from pathlib import Path

import harness
from cotrap.initrd import Archive
from cotrap.llvm import llvm_output
from cotrap.paths import Build
from cotrap.qemu import Machine, memory_file, qemu_on
from harness import Part

PARTS = [
    Part("fork", "fork is ENOSYS"),
    Part("children", "vfork and execve start programs"),
    Part("variables", "two copies of a program have different addresses and variables"),
    Part("threads", "threads share the memory of their process"),
    Part("mappings", "mmap fills pages, maps own pages again, and refuses the memory of others"),
    Part("returned", "memory that programs unmap is free again"),
    Part("areas", "a program may have more areas than a hart has PMP entries"),
]
STRAY = Part("stray", "accesses to the kernel, to other programs and against rights are SIGSEGV")
PROTECTION = {
    "riscv64-nommu": "nothing protects the kernel from programs, or programs from each other",
    "riscv64-pmp": "physical memory protection keeps each program to its own memory",
}
_MIB = 1 << 20
# QEMU puts the boot archive behind half of the memory, and the device tree behind it at a multiple of 2 MiB.
_RAM_MIB = 12
_FRAME_INFO_BYTES = 16  # sizeof(FrameInfo) on these machines


def no_page_tables(test: harness.Test) -> None:
    kernel = test.plain_build.kernel
    names = llvm_output("nm", "--demangle", "--format=just-symbols", kernel)
    tables = re.findall(r"^.*(?:PageTable|page_table|higher_half|map_kernel\b).*$", names, re.MULTILINE)
    test.check(not tables, "the kernel links no code of page tables", "\n".join(tables))
    code = llvm_output("objdump", "-d", "--no-show-raw-insn", kernel)
    # Reset leaves satp undefined, so the entry in machine mode turns translation off.
    found = re.findall(r"^(?!.*\bsatp, zero).*\b(?:satp|sfence\.vma)\b.*$", code, re.MULTILINE)
    test.check(not found, "no instruction selects a page table or flushes translations", "\n".join(found))
    test.check("cotrap_enter_user" in names and re.search(r"\b[ms]ret\b", code), "  … of a whole kernel", names)


def says_what_protects(test: harness.Test) -> None:
    done = test.run("/bin/true", quiet=False)
    text = PROTECTION[test.build.machine]
    test.check(done.status == 0 and f"no MMU: {text}" in done.text, f"boot says: {text}", done.text + done.why)


def refuses_fixed_addresses(test: harness.Test) -> None:
    programs = test.folder / "test-programs"
    with test.added(programs / "fixed", "fixed"), test.added(programs / "independent", "independent"):
        done = test.run("/fixed", quiet=False)
        message = "/fixed is not position independent, and this machine has no MMU: link it with -static-pie"
        shown = done.text + done.why
        test.check(done.status == 126 and message in shown, "a program for fixed addresses is refused", shown)
        done = test.run("/independent")
        test.check(done.status == 7, "a static-PIE program of another compiler runs", done.text + done.why)


def image_bytes(kernel: Path) -> int:
    """The memory of the kernel's image, with its zeroed data and first stacks."""
    found = re.findall(r"^(\w+) \w (kernel_start|kernel_end)$", llvm_output("nm", kernel), re.MULTILINE)
    at = {name: int(address, 16) for address, name in found}
    return at["kernel_end"] - at["kernel_start"]


def boot(build: Build, memory: str, program: Path) -> str:
    """What the machine with so much memory prints. The boot archive has only this program."""
    archive = Archive()
    archive.add_program(program, "bin/sh")
    initrd = memory_file("initrd", archive.pack())
    machine = Machine(
        memory=memory, mmu=False, firmware=build.machine == "riscv64-nommu", entropy=False
    )
    return subprocess.run(
        qemu_on(machine, str(build.kernel), initrd, ""),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pass_fds=(initrd,),
        timeout=harness.TIMEOUT,
    ).stdout.decode(errors="replace")


def is_small(test: harness.Test) -> None:
    """The program `free` prints how much of the memory is in use."""
    build = test.plain_build
    text = boot(build, f"{_RAM_MIB}M", build.initrd_root / "bin" / "free")
    found = re.search(r"^ +\d+ KiB +(\d+) KiB +(\d+) KiB", text, re.MULTILINE)
    if not test.check(found is not None, f"a program runs in {_RAM_MIB} MiB", text):
        return
    records = _RAM_MIB * _MIB // 4096 * _FRAME_INFO_BYTES
    used = image_bytes(build.kernel) + int(found[1]) * 1024 + records
    what = f"the kernel and a program take {used >> 10} KiB, at most 2 MiB"
    test.check(used <= 2 * _MIB, what, text)


def needs_memory(test: harness.Test) -> None:
    """A machine on which the program does not fit says so."""
    build = test.plain_build
    text = boot(build, f"{_RAM_MIB}M", test.folder / "test-programs" / "nommu-large")
    test.check("cannot start /bin/sh: " in text and "ENOMEM" in text, "a program without room is ENOMEM", text)


with harness.Test(__doc__) as test:
    if test.everyday:
        no_page_tables(test)
        says_what_protects(test)
        refuses_fixed_addresses(test)
        is_small(test)
        needs_memory(test)
    is_protected = test.build.machine == "riscv64-pmp"
    test.run_parts("nommu", [*PARTS, *([STRAY] if is_protected else [])])
