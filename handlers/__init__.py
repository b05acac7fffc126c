"""Composition and reactions: the only code that knows every adapter."""
