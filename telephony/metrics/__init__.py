"""What Prometheus is told: the catalogue, the counters that effects move, the gauges that are read at each scrape."""

from telephony.metrics.catalogue import CATALOGUE, PREFIX, Metric, Type
from telephony.metrics.gauges import (
    AgiGauges,
    FeedGauges,
    HoursGauges,
    JournalGauge,
    LinkGauge,
    QueueGauge,
    QueueLogGauge,
    SaverGauges,
)
from telephony.metrics.measures import NO_BRANCH, OTHER, Labels, Measures

__all__ = [
    "CATALOGUE",
    "NO_BRANCH",
    "OTHER",
    "PREFIX",
    "AgiGauges",
    "FeedGauges",
    "HoursGauges",
    "JournalGauge",
    "Labels",
    "LinkGauge",
    "Measures",
    "Metric",
    "QueueGauge",
    "QueueLogGauge",
    "SaverGauges",
    "Type",
]
