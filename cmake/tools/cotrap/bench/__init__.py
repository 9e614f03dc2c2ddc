"""`./cotrap bench`: what things cost: a table, JSON, a page, and another run beside it."""

from .command import run
from .others import OTHERS

__all__ = ["OTHERS", "run"]
