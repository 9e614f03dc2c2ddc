"""The guest's memory, `--mem SIZE`: what sizes there are, and what a boot needs.

QEMU puts the boot archive behind half of the memory (512 MiB of it at most) and the kernel, and
the device tree behind the archive, on a multiple of 2 MiB.
"""

import re

from .errors import UsageError

_UNITS = {"K": 10, "M": 20, "G": 30}
_MIB = 1 << 20
_MOST = 254 << 30  # RAM begins at 2 GiB, and the kernel maps 256 GiB
_LEAST_BESIDE = 12 * _MIB  # the archive, doubled: the kernel, what it needs, and a program


def parse(text: str) -> str:
    """Raises ValueError, with what is wrong."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}[KMG]", text):
        raise ValueError(f"'{text}' is not a size such as 256M or 2G")
    if in_bytes(text) > _MOST:
        raise ValueError(f"{text} is more than the kernel has addresses for")
    return text


def check(memory: str, archive: int) -> None:
    """Refuses what is too little for a boot archive of so many bytes."""
    least = -(-(_place_for(archive) + _LEAST_BESIDE) // _MIB)
    if in_bytes(memory) < least * _MIB:
        raise UsageError(
            f"--mem {memory} is too little for a boot archive of {archive / _MIB:.1f} MiB: "
            f"--mem {least}M is enough"
        )


def _place_for(archive: int) -> int:
    """With what must be in front of it."""
    return archive + min(archive, 512 * _MIB)


def in_bytes(size: str) -> int:
    return int(size[:-1]) << _UNITS[size[-1]]
