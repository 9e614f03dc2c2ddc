"""What the options of a command ask of the machine that --machine selects."""

import os

from .errors import UsageError

# How QEMU executes the instructions of a PC.
ACCELERATORS = ("tcg", "kvm")
_KVM = "/dev/kvm"


def check(arguments) -> None:
    """Raises UsageError if the machine does not have an option that was given."""
    machine = arguments.machine
    if machine == "hosted" and arguments.icount:
        raise UsageError("--icount needs QEMU, which counts instructions: leave out `--machine hosted`")
    if machine != "hosted" and arguments.fs:
        raise UsageError("--fs works only with `--machine hosted`")
    if arguments.accel is None:
        return
    if machine != "pc":
        raise UsageError("--accel works only with `--machine pc`")
    if arguments.accel == "kvm":
        _check_kvm(arguments.icount)


def _check_kvm(icount: bool) -> None:
    if icount:
        raise UsageError("--icount counts the instructions that QEMU emulates: leave out `--accel kvm`")
    if not os.path.exists(_KVM):
        raise UsageError(
            f"--accel kvm: {_KVM} does not exist. Either the host's Linux has no KVM, or the host is itself a "
            "virtual machine without nested virtualisation: leave out the option"
        )
    if not os.access(_KVM, os.R_OK | os.W_OK):
        raise UsageError(f"--accel kvm: you may not open {_KVM}: on Debian, join the group `kvm`")
