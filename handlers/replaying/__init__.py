"""One call out of the journal: found, read again, and told. `handlers.replay` puts it together."""
