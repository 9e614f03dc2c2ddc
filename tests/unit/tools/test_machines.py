"""A command refuses an option that the machine does not have, and says why."""

import os
import struct
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

import support  # finds the command's modules
from cotrap import machines
from cotrap.errors import UsageError

# The header of a PC's kernel: its entry is in the upper half of the addresses.
PC_KERNEL = struct.pack("<5s13xHIQ32x", b"\x7fELF\x02", 62, 1, 1 << 63)


def asked(machine: str, **given) -> Namespace:
    nothing = {"build": None, "fs": None, "cpu": None, "accel": None, "icount": False, "harts": 1}
    return Namespace(machine=machine, **(nothing | given))


class Refused(unittest.TestCase):
    def refused(self, why: str, machine: str, **given) -> None:
        with self.assertRaisesRegex(UsageError, why):
            machines.check(asked(machine, **given))

    def test_an_option_of_another_machine_is_refused(self):
        self.refused("--accel works only with `--machine pc`", "riscv64", accel="tcg")
        self.refused("--cpu works only with `--machine riscv64`", "pc", cpu="rv64")
        self.refused("--fs works only with `--machine hosted`", "pc", fs="rewrite")
        self.refused("--icount needs QEMU", "hosted", icount=True)
        self.refused("at most 8 harts", "riscv64-pmp", harts=9)

    def test_kvm_is_refused_where_it_cannot_run_the_kernel(self):
        with tempfile.TemporaryDirectory() as folder:
            device, module = Path(folder) / "kvm", Path(folder) / "kvm_pvm"
            with mock.patch.multiple(machines, _KVM=str(device), _PVM=str(module)):
                self.refused("does not exist", "pc", accel="kvm")
                device.touch()
                with mock.patch.object(os, "access", return_value=False):
                    self.refused("you may not open", "pc", accel="kvm")
                self.refused("--icount counts the instructions that QEMU emulates", "pc", accel="kvm", icount=True)
                machines.check(asked("pc", accel="kvm"))
                module.mkdir()
                self.refused("emulates the privilege levels", "pc", accel="kvm")


class OfTheBuild(support.Command):
    """--build selects the machine, so that --machine is not necessary."""

    def setUp(self):
        super().setUp()
        self.program = self.build.file("program", "exit 5")

    def run_with(self, *options):
        return support.called("run", "-q", "--build", self.build.path, *options, self.program)

    def test_the_options_of_its_machine_work(self):
        kernel = self.build.path / "kernel" / "cotrap.elf"
        self.assertIn(b"--accel works only with", self.run_with("--accel", "tcg").stderr)
        kernel.write_bytes(PC_KERNEL)
        self.assertNotIn(b"--accel", self.run_with("--accel", "tcg").stderr)
        self.assertIn(b"--cpu works only with", self.run_with("--cpu", "rv64").stderr)
        self.assertIn(b"--fs works only with", self.run_with("--fs", "rewrite").stderr)


if __name__ == "__main__":
    unittest.main()
