"""Pages of cases and call backs: server-rendered, usable without a script."""
