"""The schema, step by step: Alembic, plain SQL, forward only. Run by `telephony.cases.migrate`."""
