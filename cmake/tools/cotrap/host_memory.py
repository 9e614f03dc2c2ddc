"""How the programs that the command starts get memory from the host."""

import os

_LARGE_PIECES = "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=67108864"


def large_pieces() -> dict[str, str]:
    """The environment for compilers and for QEMU. With it, glibc asks Linux for memory in large pieces and in
    huge pages, where Linux gives huge pages on request. Otherwise up to a fifth of a small source's compile
    time goes to page faults, and a third of the time in which QEMU boots a kernel. Other C libraries than
    glibc ignore the variable."""
    return {"GLIBC_TUNABLES": _LARGE_PIECES} | os.environ
