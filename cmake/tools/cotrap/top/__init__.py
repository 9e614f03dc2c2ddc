"""`./cotrap top`: shows which jobs run and which wait, and for what, while a program runs.

    snapshot.py   reads the guest's RAM: the state of every job, and the trace of the last moments
    clock.py      estimates the guest's time
    screen.py     formats a snapshot as lines
    command.py    runs the program and prints the lines repeatedly
"""

from ..errors import ToolError

EVERY = 1.0  # seconds between two updates, by default


def run(arguments) -> int:
    try:
        from . import command  # imported late, because it needs a library that may be missing
    except ModuleNotFoundError as error:
        name = error.name
        raise ToolError(
            f"Python's {name} is not installed: on Debian, `./cotrap setup` installs it"
        ) from error
    return command.run(arguments)
