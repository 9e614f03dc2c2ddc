"""Measures the kernel's operations, and makes tables, JSON, pages and comparisons of the results."""
