"""Asterisk's queue_log: the grammar of its lines (`grammar`), and following the file (`tail`) from a `place` on."""
