"""`/api/v1`: what programs ask. Only reading; nothing here changes a call."""
