"""Who people are and what they may: roles, permissions, names, passwords, what is written down. Pure."""
