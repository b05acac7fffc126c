"""The dashboards: what they ask is asked of a real Prometheus and a real PostgreSQL, and drawn."""
