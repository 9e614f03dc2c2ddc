"""What the benchmarks with a plugin of QEMU have in common."""

import re

from ..errors import UsageError

MACHINES = ("riscv64", "pc")  # that the plugins know (user/bench/qemu_plugin.h)
_NO_PLUGINS = re.compile("plugin interface not enabled|-plugin: invalid option")


def check(arguments, what: str) -> None:
    """Raises UsageError if the plugins do not know the machine. what: the benchmark."""
    if arguments.machine == "hosted":
        raise UsageError(f"{what} needs QEMU, whose plugin counts: leave out `--machine hosted`")
    if arguments.machine not in MACHINES:
        known = " and ".join(MACHINES)
        raise UsageError(
            f"{what} needs a plugin of QEMU that knows only {known}: leave out `--machine {arguments.machine}`"
        )


def explain(trouble: str) -> str:
    """QEMU's message, or a clearer one."""
    if _NO_PLUGINS.search(trouble):
        return "this QEMU was built without plugins, which this benchmark needs: Debian's QEMU has them"
    return trouble


def escaped(word: str) -> str:
    """A part of an option of QEMU, in which a comma ends a part and two commas are a comma."""
    return word.replace(",", ",,")
