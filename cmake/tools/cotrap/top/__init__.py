"""`./cotrap top`: who runs and who waits for what, while a program runs.

    snapshot.py   the guest's RAM → every job as it is now, and what the trace says of the last moments
    clock.py      what time it is there
    screen.py     … as lines          command.py   the program, and the lines again and again
"""

from ..errors import ToolError

EVERY = 1.0  # seconds, usually


def run(arguments) -> int:
    try:
        from . import command  # reads traces, which takes a library
    except ModuleNotFoundError as error:
        name = error.name
        raise ToolError(f"Python's {name} is not installed: `./cotrap setup` does that") from error
    return command.run(arguments)
