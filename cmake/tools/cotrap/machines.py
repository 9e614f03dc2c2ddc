"""What the options of a command ask of the machine that --machine selects."""

import os
import re

from .errors import UsageError

# Without --machine; but --build may select another one.
DEFAULT = "riscv64"
# On these machines the kernel and all programs use physical addresses.
WITHOUT_MMU = ("riscv64-nommu", "riscv64-pmp")
_HARTS_WITHOUT_MMU = 8  # hal/riscv64/bare/include/hal/limits.h

# How QEMU executes the instructions of a PC.
ACCELERATORS = ("tcg", "kvm")
_KVM = "/dev/kvm"
_PVM = "/sys/module/kvm_pvm"  # a KVM without the processor's help
_CPU = re.compile(r"[a-z][a-z0-9-]*(,[a-z][a-z0-9_-]*=[a-z0-9.]+)*")
_VECTOR_BITS = ("128", "256", "512", "1024")  # hal/riscv64/vectors.cpp: is_supported()


def parse_cpu(text: str) -> str:
    """A processor that the kernel supports. QEMU checks the model and the names of its properties. Raises
    ValueError."""
    if not _CPU.fullmatch(text):
        raise ValueError(
            f"'{text}' is not a model of QEMU's with properties, such as rv64 or rv64,v=true,vlen=256"
        )
    properties = dict(word.split("=") for word in text.split(",")[1:])
    if len(properties) != text.count("="):
        raise ValueError(f"'{text}' has a property twice: give each only once")
    length = properties.get("vlen", "128")
    if length not in _VECTOR_BITS:
        raise ValueError(f"vlen={length}: vector registers have {', '.join(_VECTOR_BITS[:-1])} or 1024 bits")
    if "vlen" in properties and properties.get("v") not in ("true", "on"):
        raise ValueError("vlen is the length of vector registers: add v=true")
    return text


def given_cpu(arguments) -> dict[str, str]:
    """The member of Machine that --cpu sets."""
    return {"cpu": arguments.cpu} if arguments.cpu else {}


def check_early(arguments) -> None:
    """check(), before there is a build. If --build selects the machine, build.chosen() checks later."""
    if not arguments.build or arguments.machine != DEFAULT:
        check(arguments)


def check(arguments) -> None:
    """Raises UsageError if the machine does not have an option that was given."""
    machine = arguments.machine
    if machine == "hosted" and arguments.icount:
        raise UsageError("--icount needs QEMU, which counts instructions: leave out `--machine hosted`")
    if machine != "hosted" and arguments.fs:
        raise UsageError("--fs works only with `--machine hosted`")
    if arguments.cpu is not None and machine != "riscv64":
        raise UsageError("--cpu works only with `--machine riscv64`: leave out one of them")
    if machine in WITHOUT_MMU and arguments.harts > _HARTS_WITHOUT_MMU:
        raise UsageError(f"--harts: a kernel without an MMU runs on at most {_HARTS_WITHOUT_MMU} harts")
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
    if os.path.exists(_PVM):
        raise UsageError(
            "--accel kvm: this host's KVM (kvm_pvm) emulates the privilege levels of a processor, and cannot run the "
            "kernel: leave out the option"
        )
