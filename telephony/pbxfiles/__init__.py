"""Asterisk's own configuration folder, read as Asterisk reads it."""
