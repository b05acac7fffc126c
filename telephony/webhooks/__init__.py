"""Webhooks: what is told to other programs, signed; where it may go; what an answer means."""
