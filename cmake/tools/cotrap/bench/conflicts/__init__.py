"""`./cotrap bench conflicts`: which calls that commute share cache lines (docs/conflicts.md)."""
