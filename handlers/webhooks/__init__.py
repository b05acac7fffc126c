"""Who else is told: events of cases and call backs out of the database, and calls that ring as they do."""
