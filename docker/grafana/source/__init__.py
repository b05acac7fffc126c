"""The dashboards as programs: `python -m docker.grafana.source` writes them into `docker/grafana/dashboards`."""
