"""What the benchmarks with a plugin of QEMU have in common."""

import re

_NO_PLUGINS = re.compile("plugin interface not enabled|-plugin: invalid option")


def explain(trouble: str) -> str:
    """QEMU's message, or a clearer one."""
    if _NO_PLUGINS.search(trouble):
        return "this QEMU was built without plugins, which this benchmark needs: Debian's QEMU has them"
    return trouble


def escaped(word: str) -> str:
    """A part of an option of QEMU, in which a comma ends a part and two commas are a comma."""
    return word.replace(",", ",,")
