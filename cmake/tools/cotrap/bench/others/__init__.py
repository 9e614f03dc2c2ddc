"""Other kernels for `./cotrap bench --against NAME[=IMAGE]`. Each file of this folder has a list `KERNELS`
of Others: one kernel, or variants of it with different options."""

from . import linux
from .other import Other

OTHERS: dict[str, Other] = {each.name: each for each in (*linux.KERNELS,)}

__all__ = ["OTHERS", "Other"]
