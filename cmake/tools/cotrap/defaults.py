"""Defaults of options that the help texts name, and that the commands use. The parser must not import the
modules of the commands, so it finds these numbers here."""

import os

DEMO_TIMEOUT = 40.0  # seconds
BENCH_TIMEOUT = 120.0  # seconds, for one machine
OTHER_KERNEL_TIMEOUT = 600.0  # seconds; these kernels are much larger, and QEMU counts each instruction
# Tests wait during two thirds of their time, so three tests for each processor keep all processors busy.
TEST_JOBS = 3 * (os.cpu_count() or 1)
