"""Customers: who they are, their telephone numbers, how lists of them are read and merged. Pure."""
