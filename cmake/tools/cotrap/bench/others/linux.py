"""Linux: Debian's kernel for riscv64, as it is shipped, and with everything off that a command line can
turn off and that costs on the paths measured."""

from pathlib import Path

from ... import debian
from ...errors import ToolError
from ...paths import ROOT
from ...ui import Waiting
from .other import Other

_FOLDER = ROOT / "build" / "linux"
_PACKAGE = "linux-image-riscv64"
_CONSOLE = "console=ttyS0 quiet loglevel=0 panic=-1"
_LEAN = (
    "randomize_kstack_offset=off init_on_alloc=0 lsm= apparmor=0 audit=0 cgroup_disable=memory psi=0 "
    "numa_balancing=disable"
)


def _image() -> Path:
    if not _FOLDER.exists():
        with Waiting("fetching Debian's kernel for riscv64 (110 MB)"):
            debian.unpack(_PACKAGE, _FOLDER)
    found = sorted(_FOLDER.glob("boot/vmlinu*"))
    if not found:
        raise ToolError(f"{_FOLDER} has no kernel: remove it, and it is fetched again")
    return found[-1]


_MOST_ARGUMENTS = 30  # the first program can be given 32 (CONFIG_INIT_ENV_ARG_LIMIT)


def _words(options: str):
    """Given no names, the program runs all that it has."""
    return lambda names: " ".join(
        [options, "--", *(names if len(names) <= _MOST_ARGUMENTS else [])]
    )


KERNELS = (
    Other("linux", "Debian's kernel as it is shipped", _image, _words(_CONSOLE)),
    Other(
        "linux-lean",
        "the same without what can be turned off",
        _image,
        _words(f"{_CONSOLE} {_LEAN}"),
    ),
)
