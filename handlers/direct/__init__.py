"""Direct calls that nobody heard: the ledger completed by channel events (CEL)."""
