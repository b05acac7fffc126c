"""PostgreSQL: calls, visits, offers and cases, made durable and read back."""
