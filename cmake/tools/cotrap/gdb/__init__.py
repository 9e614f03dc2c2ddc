"""What gdb runs: commands of ours (commands.py), on the kernel's data (kernel.py)."""
