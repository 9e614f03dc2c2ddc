"""The names of the scheduling policies in the kernel (async/policies/)."""

import re
from functools import cache

from .paths import ROOT

DEFAULT = "priority"  # the executor's own policy, which runs unless the user selects another one
_FOLDER = ROOT / "async" / "policies"


@cache
def known() -> tuple[str, ...]:
    sources = "".join(path.read_text() for path in sorted(_FOLDER.glob("*.cpp")))
    names = re.findall(r'^ASYNC_POLICY\(\w+, "(.*?)"\);', sources, re.MULTILINE)
    return DEFAULT, *sorted(names)


def check(name: str) -> str:
    """Returns the name. Raises ValueError if there is no such policy."""
    if name not in known():
        raise ValueError(f"there is no policy '{name}': give one of {', '.join(known())}")
    return name
