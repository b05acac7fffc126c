"""How panels look: colours that everybody can tell apart, units, limits, and words where there is nothing to show."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from grafana_foundation_sdk.builders import barchart, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    LineStyle,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    ValueMap,
    ValueMappingResult,
)

BLUE, VERMILION, GREEN, ORANGE, SKY, PINK, YELLOW, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#8C8C8C",
)  # fmt: skip
"""Okabe and Ito's, which people who see red and green alike tell apart."""
SHARE, SECONDS, NUMBER = "percentunit", "s", "short"
NOTHING = "无数据 no data"
LIMIT, BEYOND = "L", "X"
"""References of the queries that give the limit, and what is beyond it."""
Course: TypeAlias = timeseries.Panel
Grid: TypeAlias = table.Panel
Queries = Sequence[Builder[Dataquery]]
Words = Mapping[str, tuple[str, str]]
"""By value or series: what is shown, and the colour."""
VERDICT = {"1": ("✓ 达标 kept", BLUE), "0": ("✗ 未达标 missed", VERMILION)}
ALIVE = {"1": ("✓ 正常 up", BLUE), "0": ("✗ 中断 down", VERMILION)}


def _mapping(words: Words) -> list[ValueMap]:
    told = {
        value: ValueMappingResult(text, colour, index=at) for at, (value, (text, colour)) in enumerate(words.items())
    }
    return [ValueMap(told)]


def _fixed(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def _legend() -> VizLegendOptions:
    shown = VizLegendOptions().show_legend(show_legend=True).display_mode(LegendDisplayMode.LIST)
    return shown.placement(LegendPlacement.BOTTOM).calcs([])


def figure(  # noqa: PLR0913 - what a panel shows has many sides, most of them usual
    title: str, description: str, queries: Queries, unit: str = NUMBER, *, words: Words | None = None,
    colour: str = BLUE, decimals: int | None = None, nothing: str = NOTHING,
) -> stat.Panel:  # fmt: skip
    """Numbers that one reads from afar; with `words`, coloured words in their place."""
    panel = stat.Panel().title(title).description(description).targets([*queries]).unit(unit).no_value(nothing)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields(""))
    panel.text_mode(BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 or words else BigValueTextMode.AUTO)
    panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour))
    panel.color_mode(BigValueColorMode.BACKGROUND_SOLID if words else BigValueColorMode.VALUE)
    panel.override_by_query(LIMIT, [_fixed(GREY)])
    if words:
        panel.mappings([*_mapping(words)])
    return panel if decimals is None else panel.decimals(decimals)


def course(  # noqa: PLR0913 - what a panel shows has many sides, most of them usual
    title: str, description: str, queries: Queries, unit: str = NUMBER, *, stacked: bool = False, bars: bool = False,
    colours: Words | None = None, decimals: int | None = None, low: float | None = 0, high: float | None = None,
) -> timeseries.Panel:  # fmt: skip
    """Lines or bars over time. `colours`: name shown and colour of a series.

    The limit is a dashed line, and what is beyond it is drawn again, thick and in another colour, with points.
    """
    panel = timeseries.Panel().title(title).description(description).targets([*queries]).unit(unit).no_value(NOTHING)
    panel.draw_style(GraphDrawStyle.BARS if bars else GraphDrawStyle.LINE).line_width(0 if bars else 2)
    panel.fill_opacity(80 if bars or stacked else 0).show_points(VisibilityMode.NEVER).span_nulls(span_nulls=False)
    panel.stacking(StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE).group("A"))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    panel.legend(_legend()).tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    panel.override_by_query(
        LIMIT, [_fixed(GREY), DynamicConfigValue("custom.lineStyle", LineStyle().fill("dash").dash([10, 6]).build())]
    )
    panel.override_by_query(
        BEYOND,
        [
            _fixed(VERMILION), DynamicConfigValue("custom.lineWidth", 5),
            DynamicConfigValue("custom.showPoints", "always"), DynamicConfigValue("custom.pointSize", 8),
        ],
    )  # fmt: skip
    for series, (shown, colour) in (colours or {}).items():
        panel.override_by_name(series, [_fixed(colour), DynamicConfigValue("displayName", shown)])
    if low is not None:
        panel.min(low)
    if high is not None:
        panel.max(high)
    return panel if decimals is None else panel.decimals(decimals)


def grid(  # noqa: PLR0913 - what a panel shows has many sides, most of them usual
    title: str, description: str, queries: Queries, columns: Mapping[str, tuple[str, str]], *,
    words: Words | None = None, worded: str = "", hidden: Collection[str] = (), nothing: str = NOTHING,
) -> table.Panel:  # fmt: skip
    """A table. `columns`: by field, what stands above it and its unit ("" for text), in their order.

    `words`: for the column `worded`. `hidden`: fields not shown, as the time is not. Rows of
    several queries that agree in their labels are one.
    """
    panel = table.Panel().title(title).description(description).targets([*queries]).no_value(nothing)
    panel.show_header(show_header=True)
    if len(queries) > 1:
        panel.with_transformation(DataTransformerConfig("merge", options={}))
    panel.with_transformation(
        DataTransformerConfig(
            "organize",
            options={
                "excludeByName": dict.fromkeys(("Time", *hidden), True),
                "indexByName": {field: at for at, field in enumerate(columns)},
                "renameByName": {field: shown for field, (shown, _) in columns.items()},
            },
        )
    )
    for shown, unit in columns.values():
        if unit:
            panel.override_by_name(shown, [DynamicConfigValue("unit", unit)])
    if words:
        coloured = DynamicConfigValue("custom.cellOptions", {"type": "color-background"})
        panel.override_by_name(worded, [DynamicConfigValue("mappings", _mapping(words)), coloured])
    return panel


def bars(  # noqa: PLR0913 - the same
    title: str, description: str, queries: Queries, colours: Words, unit: str = NUMBER, *, lying: bool = True
) -> barchart.Panel:
    """A bar for each row, of one part for each column; the first column names it."""
    panel = barchart.Panel().title(title).description(description).targets([*queries]).unit(unit).no_value(NOTHING)
    panel.orientation(VizOrientation.HORIZONTAL if lying else VizOrientation.VERTICAL).stacking(StackingMode.NORMAL)
    panel.show_value(VisibilityMode.AUTO).legend(_legend()).fill_opacity(85).bar_width(0.8).group_width(0.7)
    panel.tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI)).line_width(0).min(0).decimals(0)
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    for series, (shown, colour) in colours.items():
        panel.override_by_name(series, [_fixed(colour), DynamicConfigValue("displayName", shown)])
    return panel
