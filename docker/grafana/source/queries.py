"""What panels ask: of Prometheus, and of PostgreSQL; and by which variables the answer is chosen."""

from typing import Any, Self

from grafana_foundation_sdk.builders.dashboard import ConstantVariable, DatasourceVariable, QueryVariable
from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusBuilder
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption, VariableRefresh, VariableSort
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

POSTGRES_TYPE = "grafana-postgresql-datasource"
PROMETHEUS = DataSourceRef("prometheus", "${prometheus}")
POSTGRES = DataSourceRef(POSTGRES_TYPE, "${postgres}")
"""By variables, so that the dashboards find the sources of any Grafana."""
ZONE = "Asia/Shanghai"
"""`timezone` of threerings.toml: where a day ends. Another site changes it here, or in the dashboards' settings."""


class Sql(Dataquery):
    """A query to PostgreSQL, for which the SDK has no type. `series`: columns time, metric, value; else a table."""

    def __init__(self, sql: str, *, series: bool = False, ref: str = "A") -> None:
        self.ref_id, self.hide, self.sql, self.series = ref, None, sql, series

    def to_json(self) -> dict[str, object]:
        """As Grafana keeps it."""
        return {
            "refId": self.ref_id,
            "datasource": POSTGRES,
            "editorMode": "code",
            "format": "time_series" if self.series else "table",
            "rawQuery": True,
            "rawSql": self.sql,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The reverse."""
        return cls(data["rawSql"], series=data["format"] == "time_series", ref=data["refId"])


class SqlBuilder(Builder[Dataquery]):
    """As the SDK's panels take it."""

    def __init__(self, sql: str, *, series: bool = False) -> None:
        self._sql = Sql(sql.strip(), series=series)

    def build(self) -> Dataquery:
        """The query."""
        return self._sql


def lines(expression: str, legend: str, ref: str, *, step: str = "") -> PrometheusBuilder:
    """Over the time shown, a line for each series. `step`: not more often than that."""
    query = PrometheusBuilder().expr(expression).legend_format(legend).ref_id(ref).range().datasource(PROMETHEUS)
    return query.interval(step) if step else query


def now(expression: str, legend: str, ref: str = "A") -> PrometheusBuilder:
    """The value at the end of the time shown."""
    return PrometheusBuilder().expr(expression).legend_format(legend).ref_id(ref).instant().datasource(PROMETHEUS)


def rows(expression: str, ref: str) -> PrometheusBuilder:
    """The same, as rows of a table."""
    return now(expression, "", ref).format(PromQueryFormat.TABLE)


def _chosen(name: str, label: str, description: str) -> QueryVariable:
    choice = QueryVariable(name).label(label).description(description).multi(multi=True).include_all(include_all=True)
    choice.current(VariableOption(text=["All"], value=["$__all"]))
    return choice.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def prometheus() -> DatasourceVariable:
    """Which Prometheus."""
    return DatasourceVariable("prometheus").type("prometheus").label("Prometheus")


def postgres() -> DatasourceVariable:
    """Which PostgreSQL."""
    return DatasourceVariable("postgres").type(POSTGRES_TYPE).label("PostgreSQL")


def branch() -> QueryVariable:
    """Branches that are configured."""
    asked = 'label_values(telephony_standard_target{branch!=""}, branch)'
    return _chosen("branch", "营业部", "Branch").datasource(PROMETHEUS).query(asked).definition(asked)


def queue() -> QueryVariable:
    """Queues and lines of these branches."""
    asked = 'label_values(telephony_standard_target{branch=~"$branch", queue!=""}, queue)'
    return _chosen("queue", "队列／直线", "Queue or direct line").datasource(PROMETHEUS).query(asked).definition(asked)


def agent() -> QueryVariable:
    """Agents whose phones were called in the time shown, from PostgreSQL: they are in no label."""
    asked = "SELECT DISTINCT agent FROM offers WHERE $__timeFilter(called_at) ORDER BY agent"
    return _chosen("agent", "坐席", "Agent").datasource(POSTGRES).query(asked).definition(asked)


def zone() -> ConstantVariable:
    """Of the site."""
    constant = ConstantVariable("zone").value(ZONE)
    constant.build().hide = VariableHide.HIDE_VARIABLE
    return constant
