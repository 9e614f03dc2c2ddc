"""Simulations of workloads under scheduling policies. The simulator is a C++ program (async/sim); this folder
starts it and reports its results. It also runs workloads in the kernel, for `./cotrap run WORKLOAD`."""
