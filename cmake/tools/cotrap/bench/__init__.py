"""`./cotrap bench`: measures the kernel's operations, and writes tables, JSON, pages and comparisons."""

from .command import run

__all__ = ["run"]
