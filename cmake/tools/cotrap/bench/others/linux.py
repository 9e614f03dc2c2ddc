"""Linux: Debian's kernel, with its default options and, as linux-lean, without optional
features that slow down the measured paths and that the kernel command line can turn off."""

import lzma
import re
from pathlib import Path

from ... import packages
from ...errors import ToolError
from ...paths import ROOT
from ...ui import Waiting
from .other import Other

_FOLDER = ROOT / "build" / "linux"
CONSOLE = "console=ttyS0 quiet loglevel=0 panic=-1"
_LEAN = (
    "randomize_kstack_offset=off init_on_alloc=0 lsm= apparmor=0 audit=0 cgroup_disable=memory psi=0 "
    "numa_balancing=disable"
)


def _folder(machine: str) -> Path:
    return _FOLDER if machine == "riscv64" else _FOLDER.with_name(f"linux-{machine}")


def newest_image(machine: str = "riscv64") -> Path | None:
    """The newest kernel that has been downloaded for a machine of --machine; None without one."""
    return max(_folder(machine).glob("boot/vmlinu*"), default=None)


def _image(machine: str) -> Path:
    folder = _folder(machine)
    if not folder.exists():
        debian = packages.module("...debian", __package__)
        architecture = debian.ARCHITECTURES[machine]
        with Waiting(f"fetching Debian's kernel for {architecture} (110 MB)"):
            debian.unpack(f"linux-image-{architecture}", folder, architecture)
    found = newest_image(machine)
    if found is None:
        raise ToolError(f"{folder} has no kernel: remove this folder, then the command downloads it again")
    return found


_SHARE_MODULES = ("virtio_mmio", "virtio_pci", "9pnet_virtio", "9p")


def _modules_for_shares(image: Path) -> list[tuple[str, bytes]]:
    """The names and contents of modules, each behind those that it needs. Modules that are part of the kernel's
    image are left out."""
    folder = image.parents[1] / "usr" / "lib" / "modules" / image.name.partition("-")[2]
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in folder.rglob("*.ko.xz")}
    found: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in found or name not in files:
            return
        data = lzma.decompress(files[name].read_bytes())
        needs = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in needs[1].decode().split(",") if needs else ():
            add(other.replace("-", "_"))
        found[name] = data

    for name in _SHARE_MODULES:
        add(name)
    return list(found.items())


_MOST_ARGUMENTS = 30  # Linux passes at most 32 to the first program (CONFIG_INIT_ENV_ARG_LIMIT)


def _words(options: str):
    """A function that returns the command line for some benchmarks. If there are too many names, it passes
    none; then the program runs all benchmarks."""
    return lambda names: " ".join(
        [options, "--", *(names if len(names) <= _MOST_ARGUMENTS else [])]
    )


KERNELS = (
    Other("linux", "Debian's kernel with its default options", _image, _words(CONSOLE), _modules_for_shares),
    Other(
        "linux-lean",
        "the same without optional features that cost time",
        _image,
        _words(f"{CONSOLE} {_LEAN}"),
        _modules_for_shares,
    ),
)
