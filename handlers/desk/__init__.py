"""The agent at his desk: phone, queues, pauses, and calling a number."""
