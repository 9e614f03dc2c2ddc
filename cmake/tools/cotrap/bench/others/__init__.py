"""Other kernels that the same benchmarks run on, in the same QEMU: `--against NAME[=IMAGE]`. A file of this
folder is one, or several that differ in their options; its `KERNELS` are Others."""

from . import linux
from .other import Other

OTHERS: dict[str, Other] = {each.name: each for each in (*linux.KERNELS,)}

__all__ = ["OTHERS", "Other"]
