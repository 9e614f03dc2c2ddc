"""Reads the files /proc/PID/stat and /proc/PID/task/TID/stat of Linux (proc(5))."""

from pathlib import Path


def stat_fields(path: str) -> list[str]:
    """The fields behind the name, which may itself contain spaces and brackets. The first one is the state;
    the number of a field is three less than in proc(5)."""
    return Path(path).read_text(errors="replace").rpartition(")")[2].split()
