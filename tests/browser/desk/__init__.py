"""The agent's desk in a real Chromium, against a service that says what the test tells it to."""
