"""`./cotrap sim`: simulates workloads under scheduling policies. The simulator is a C++ program
(async/sim); this folder starts it and reports its results."""

from .command import run

__all__ = ["run"]
