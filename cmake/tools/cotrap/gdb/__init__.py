"""Modules that run inside gdb: Cotrap's gdb commands (commands.py), and the kernel's data (kernel.py)."""
