"""Ledger against queue_log: what differs, and what is put right."""
