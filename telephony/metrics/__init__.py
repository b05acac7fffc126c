"""What Prometheus is told: the catalogue, the counters that effects move, the gauges that are read at each scrape."""

from telephony.metrics.catalogue import CATALOGUE, PREFIX, Metric, Type
from telephony.metrics.gauges import (
    AgiGauges,
    CaseGauges,
    FeedGauges,
    HoursGauges,
    JournalGauge,
    LineState,
    LinkGauge,
    QueueGauge,
    QueueLogGauge,
    SaverGauges,
)
from telephony.metrics.measures import NO_BRANCH, OTHER, Labels, Measures
from telephony.metrics.standard import StandardSource

__all__ = [
    "CATALOGUE",
    "NO_BRANCH",
    "OTHER",
    "PREFIX",
    "AgiGauges",
    "CaseGauges",
    "FeedGauges",
    "HoursGauges",
    "JournalGauge",
    "Labels",
    "LineState",
    "LinkGauge",
    "Measures",
    "Metric",
    "QueueGauge",
    "QueueLogGauge",
    "SaverGauges",
    "StandardSource",
    "Type",
]
