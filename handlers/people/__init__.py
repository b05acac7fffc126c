"""Who is let in: passwords, sessions, tokens, and what is written down of it."""
