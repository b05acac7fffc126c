"""Customers put together: lists read from files, the look-up that answers who calls."""
