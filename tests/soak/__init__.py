"""Faults under load: what `make soak` runs, and a little of it in tests/pbx/test_faults.py.

A real Asterisk, PostgreSQL, the product in a process of its own, and calls without end; one seeded fault after the
other; then every visit against queue_log and SIPp. Nothing in here imports the product.
"""
