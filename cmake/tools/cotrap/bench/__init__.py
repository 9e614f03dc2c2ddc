"""`./cotrap bench`: what things cost: a table, JSON, a page, and another run beside it."""

from .command import run

__all__ = ["run"]
