"""Where a result comes from: the command, the commit of the sources, and the time."""

import shlex
import subprocess
import sys
import time

from .paths import ROOT


def provenance() -> dict[str, str]:
    """Each fact under its name, in the order in which a reader wants them."""
    return {
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "command": shlex.join(["./cotrap", *sys.argv[1:]]),
    }


def _commit() -> str:
    """The commit of the sources; "unknown" outside a checkout or without git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return described.stdout.strip() or "unknown"
