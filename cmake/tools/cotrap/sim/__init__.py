"""`./cotrap sim`: the scheduler laboratory. The simulator is a program of the build (async/sim);
what is made of its runs is here."""

from .command import run

__all__ = ["run"]
