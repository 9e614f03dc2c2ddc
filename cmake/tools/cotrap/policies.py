"""The scheduling policies in the kernel, by name: those of async/policy/all.h."""

import re
from functools import cache

from .paths import ROOT

DEFAULT = "priority"  # the executor's own, if nobody asks for another
_FOLDER = ROOT / "async" / "include" / "async" / "policy"


@cache
def known() -> tuple[str, ...]:
    headers = "".join(path.read_text() for path in sorted(_FOLDER.glob("*.h")))
    return DEFAULT, *sorted(re.findall(r'static constexpr const char\* name = "(.*?)";', headers))


def check(name: str) -> str:
    """Raises ValueError, with what is wrong."""
    if name not in known():
        raise ValueError(f"there is no policy '{name}': there is {', '.join(known())}")
    return name
