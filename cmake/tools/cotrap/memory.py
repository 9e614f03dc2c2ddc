"""The guest's memory, `--mem SIZE`: which sizes are valid, and how much a boot needs.

QEMU puts the boot archive after the first half of the memory, or after its first 512 MiB if that is less,
and after the kernel. It puts the device tree after the archive, at a multiple of 2 MiB.
"""

import re

from .errors import UsageError

_UNITS = {"K": 10, "M": 20, "G": 30}
_MIB = 1 << 20
_MOST = 254 << 30  # RAM begins at 2 GiB, and the kernel maps 256 GiB
_LEAST_REST = 12 * _MIB  # for the kernel, its data and a program


def parse(text: str) -> str:
    """Returns the size unchanged. Raises ValueError with a message for the user."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}[KMG]", text):
        raise ValueError(f"'{text}' is not a size such as 256M or 2G")
    if in_bytes(text) > _MOST:
        raise ValueError(f"{text} is more than the kernel can address: give at most {_MOST >> 30}G")
    return text


def check(memory: str, archive: int) -> None:
    """Raises UsageError if the memory is too small for a boot archive of so many bytes."""
    least = -(-(_place_for(archive) + _LEAST_REST) // _MIB)
    if in_bytes(memory) < least * _MIB:
        raise UsageError(
            f"--mem {memory} is too little for a boot archive of {archive / _MIB:.1f} MiB: "
            f"--mem {least}M is enough"
        )


def _place_for(archive: int) -> int:
    """The bytes that the archive takes with the memory in front of it."""
    return archive + min(archive, 512 * _MIB)


def in_bytes(size: str) -> int:
    return int(size[:-1]) << _UNITS[size[-1]]
