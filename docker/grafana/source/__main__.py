"""`python -m docker.grafana.source [FOLDER]` writes the dashboards; a test holds the repository's against it."""

import json
import sys
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # The new schema (v2), which the SDK would rather have used, is an experiment in Grafana 12.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders.dashboard import Dashboard
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    from docker.grafana.source import agents, health, queues_live, standard_today, trends
    from docker.grafana.source.queries import ZONE

SCHEMA_VERSION = 41
"""The newest that Grafana 12.1 knows; the SDK is ahead of it. Newer Grafanas bring older dashboards to theirs."""
FOLDER = Path(__file__).parents[1] / "dashboards"
MADE = {
    "standard-today": standard_today,
    "queues-live": queues_live,
    "agents": agents,
    "trends": trends,
    "health": health,
}


def text(dashboard: Dashboard) -> str:
    """A dashboard as a file."""
    built = dashboard.tags(["three-rings"]).timezone(ZONE).week_start("monday").build()
    built.schema_version = SCHEMA_VERSION
    for number, panel in enumerate(built.panels or [], 1):
        panel.id_val = number
    return json.dumps(built, cls=JSONEncoder, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    for name, made in MADE.items():
        (folder / f"{name}.json").write_text(text(made.dashboard()), encoding="utf-8")
