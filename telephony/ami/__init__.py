"""Asterisk's manager interface: bytes (`codec`), their meaning (`translate`, `snapshot`), the line (`client`)."""
