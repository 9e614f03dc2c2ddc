"""If a PC's firmware passes wrong tables, the kernel says which, and uses the rest.

QEMU makes tables that are right. So the test stops the machine in front of the kernel's first instruction, and changes
the tables in memory (gdb_client.py)."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
from cotrap.qemu import Machine, archive_with, machine_of, memory_file, qemu_on
from gdb_client import RBX, Debugger
from kernel_paths import symbols

MARK, ENDED = "mark=0", "0 exit 0 0\n"  # the kernel prints the second one when the program ends with status 0
LOW = (1 << 47) - 1  # of the kernel's addresses: the physical address
# Offsets in the start information of the PVH boot protocol, and in an entry of its memory map of 24 bytes.
MODULES, RSDP, MAP, MAP_ENTRIES = 16, 32, 40, 48
TYPE, ENTRY_BYTES, RAM = 16, 24, 1
# Offsets in the root pointer of ACPI, and in each table.
RSDT, LENGTH, CHECKSUM, CONTENT = 16, 4, 9, 36
DSDT = 40  # in the table FACP


class Firmware:
    """What the firmware has put into memory for the kernel."""

    def __init__(self, debugger: Debugger):
        self._debugger = debugger
        self.start = debugger.register(RBX)
        self.rsdp = self.number(self.start + RSDP, 8)

    def number(self, address: int, size: int = 4) -> int:
        return int.from_bytes(self._debugger.read(address, size), "little")

    def put(self, address: int, number: int, size: int) -> None:
        self._debugger.write(address, number.to_bytes(size, "little"))

    def tables(self) -> dict[str, int]:
        """The addresses of the tables, by their signatures."""
        root = self.number(self.rsdp + RSDT)
        entries = range(root + CONTENT, root + self.number(root + LENGTH), 4)
        found = {self._debugger.read(at, 4).decode(): at for at in map(self.number, entries)}
        return found | {"RSDT": root, "DSDT": self.number(found["FACP"] + DSDT), "RSDP": self.rsdp}

    def damage(self, name: str) -> None:
        """Makes the checksum of a table wrong."""
        at = self.tables()[name] + CHECKSUM
        self.put(at, self.number(at, 1) ^ 0x55, 1)

    def change(self, name: str, offset: int, number: int, size: int) -> None:
        """Puts a number into a table, whose checksum stays right."""
        at = self.tables()[name]
        self.put(at + offset, number, size)
        rest = sum(self._debugger.read(at, self.number(at + LENGTH))) - self.number(at + CHECKSUM, 1)
        self.put(at + CHECKSUM, -rest % 256, 1)

    def processors(self) -> list[int]:
        """The offsets of the local APICs' entries in the table APIC."""
        at = self.tables()["APIC"]
        end, entry, found = self.number(at + LENGTH), CONTENT + 8, []
        while entry < end:
            if self.number(at + entry, 1) == 0:
                found.append(entry)
            entry += self.number(at + entry + 1, 1)
        return found


def boot(test: harness.Test, change: Callable[[Firmware], None], **how) -> str:
    """Returns all that the machine prints if `change` changes what the firmware passes. The first program is `free`."""
    entry = symbols(test.build.kernel)["_start"] & LOW
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gdb"
        machine = machine_of(test.build, Machine(extra=("-S", "-gdb", f"unix:{path},server=on,wait=off"), **how))
        initrd = memory_file("initrd", archive_with(test.build).pack())
        with subprocess.Popen(
            qemu_on(machine, str(test.build.kernel), initrd, f"init=/bin/free {MARK}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=(initrd,),
        ) as running:  # fmt: skip
            try:
                debugger = Debugger(path)
                debugger.stop_at(entry)
                stopped = debugger.run()
                assert stopped == entry, f"the machine stopped at {stopped}"
                change(Firmware(debugger))
                debugger.leave([entry])
                return running.communicate(timeout=harness.TIMEOUT)[0].decode(errors="replace").replace("\r", "")
            except subprocess.TimeoutExpired:
                running.kill()
                return "the machine did not end: " + running.communicate()[0].decode(errors="replace")
            finally:
                running.kill()


def checksums(test: harness.Test) -> None:
    for name, says in (
        ("RSDP", "cotrap: the firmware has no valid ACPI tables"),
        ("RSDT", "cotrap: the firmware has no valid ACPI tables"),
        ("APIC", "cotrap: the firmware has no valid table of interrupt controllers (MADT)"),
    ):
        text = boot(test, lambda firmware: firmware.damage(name))
        test.check(says in text, f"a wrong checksum of {name}: the kernel says why it does not boot", text)
    for name in ("FACP", "MCFG", "DSDT"):
        text = boot(test, lambda firmware: firmware.damage(name))
        says = f"the firmware's table {name} has a wrong length or checksum: it is left out"
        test.check(says in text and ENDED in text, f"a wrong checksum of {name}: the kernel says so, and boots", text)
    text = boot(test, lambda firmware: firmware.put(firmware.tables()["MCFG"] + LENGTH, 0xFFFF_FFFF, 4))
    test.check("table MCFG has a wrong length" in text and ENDED in text, "… and a wrong length, too", text)


def processors(test: harness.Test) -> None:
    def none(firmware: Firmware) -> None:
        for entry in firmware.processors():
            firmware.change("APIC", entry + 4, 0, 4)

    text = boot(test, none, harts=2)
    test.check(ENDED in text, "a table without processors: the kernel runs on the one that boots", text)

    def same(firmware: Firmware) -> None:
        for entry in firmware.processors():
            firmware.change("APIC", entry + 3, 0, 1)

    text = boot(test, same, harts=4)
    test.check(ENDED in text, "a table with one processor four times: the kernel runs", text)

    def missing(firmware: Firmware) -> None:
        _, entry = firmware.processors()
        firmware.change("APIC", entry + 3, 77, 1)

    text = boot(test, missing, harts=2)
    test.check(ENDED in text, "a processor that does not exist: the kernel runs without it", text)


def memory(test: harness.Test) -> None:
    def entries(firmware: Firmware) -> list[int]:
        begin = firmware.number(firmware.start + MAP, 8)
        return [begin + ENTRY_BYTES * i for i in range(firmware.number(firmware.start + MAP_ENTRIES))]

    text = boot(test, lambda firmware: firmware.put(firmware.start + MAP_ENTRIES, 0, 4))
    test.check("the start information has no memory map" in text, "no memory map: the kernel says so", text)

    def overlapping(firmware: Firmware) -> None:
        # The second entry of RAM begins where the first one does.
        first, second = [at for at in entries(firmware) if firmware.number(at + TYPE) == RAM][:2]
        end = firmware.number(second, 8) + firmware.number(second + 8, 8)
        firmware.put(second, firmware.number(first, 8), 8)
        firmware.put(second + 8, end - firmware.number(first, 8), 8)

    text = boot(test, overlapping)
    test.check(ENDED in text, "entries of the memory map that overlap: the kernel boots", text)


def archives(test: harness.Test) -> None:
    kernel = symbols(test.build.kernel)["kernel_start"] & LOW
    for place, why in ((kernel + 0x1000, "it overlaps the kernel"), (0xC000_0000, "it is not in the machine's memory")):
        text = boot(test, lambda firmware: firmware.put(firmware.number(firmware.start + MODULES, 8), place, 8))
        test.check(why in text and "left out" in text, f"a boot archive at {place:#x}: {why}", text)


with harness.Test(__doc__, harness.PC, all_everyday=True) as test:
    checksums(test)
    processors(test)
    memory(test)
    archives(test)
