"""Dashboards drawn from their JSON and what their queries answered, as a page that Chromium turns into a picture.

Not Grafana: enough of it to see what stands where. Names, callers' too, are escaped.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.browser import install
from tests.grafana.dashboards import Span
from tests.grafana.sources import Answer, Series

WIDTH, ROW, GAP = 1600, 36, 8
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#F0E442", "#8C8C8C")
"""For names that have no colour of their own."""
INK, PALE = "#24292e", "#d8dbe0"
STYLE = """
body { margin: 0; background: #f4f5f5; font: 13px 'Noto Sans CJK SC', sans-serif; color: #24292e; position: relative }
h1 { font-size: 20px; margin: 0; padding: 10px 12px } h1 small { font-weight: 400; color: #6b7280; font-size: 13px }
section { position: absolute; background: #fff; border: 1px solid #d8dbe0; border-radius: 3px; overflow: hidden;
  box-sizing: border-box }
h2 { font-size: 13px; margin: 5px 8px 0; height: 20px } h2 small { font-weight: 400; color: #6b7280 }
.stats { display: flex; position: absolute; inset: 27px 4px 4px; gap: 4px }
.stats div { flex: 1; display: flex; flex-direction: column; justify-content: center; align-items: center;
  border-radius: 3px; overflow: hidden; white-space: nowrap }
.stats b { font-size: 26px; line-height: 1.15 } .stats span { font-size: 12px }
table { border-collapse: collapse; margin: 4px 8px; width: calc(100% - 16px) }
th, td { text-align: left; padding: 3px 6px; border-bottom: 1px solid #eceef0 } .n { text-align: right }
.nothing { position: absolute; inset: 40% 0 0; text-align: center; color: #6b7280; font-size: 16px }
svg { position: absolute; left: 0; top: 26px }
.legend { position: absolute; left: 8px; right: 8px; bottom: 3px; font-size: 11.5px }
.legend { white-space: nowrap; overflow: hidden }
.legend i { display: inline-block; width: 14px; height: 4px; margin: 0 4px 2px 8px }
"""
Panel = dict[str, Any]


def shown(value: float, unit: str, decimals: float | None = None) -> str:
    """A number with its unit."""
    if unit == "percentunit":
        return f"{value * 100:.{int(1 if decimals is None else decimals)}f} %"
    if unit == "s":
        if value >= 120:
            return f"{value / 60:.1f} min"
        return f"{value:.1f} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"
    if unit == "bytes":
        return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"
    text = f"{value:.0f}" if decimals == 0 or value == int(value) else f"{value:.3g}"
    return f"{text}/s" if unit == "ops" else text


class Look:
    """The field configuration of a panel: defaults and overrides."""

    def __init__(self, panel: Panel) -> None:
        self.defaults: dict[str, Any] = panel["fieldConfig"]["defaults"]
        self._overrides = panel["fieldConfig"]["overrides"]
        self._given: dict[str, str] = {}

    def of(self, name: str, ref: str = "") -> dict[str, Any]:
        """Properties of a field, by id."""
        found: dict[str, Any] = {}
        for one in self._overrides:
            if one["matcher"] in ({"id": "byName", "options": name}, {"id": "byFrameRefID", "options": ref}):
                found |= {prop["id"]: prop.get("value") for prop in one["properties"]}
        return found

    def colour(self, name: str, ref: str = "") -> str:
        """Its own, else the next of the palette."""
        fixed = self.of(name, ref).get("color") or self.defaults.get("color", {})
        if "fixedColor" in fixed:
            return str(fixed["fixedColor"])
        return self._given.setdefault(name, PALETTE[len(self._given) % len(PALETTE)])

    def name(self, name: str, ref: str = "") -> str:
        """As it is shown."""
        return str(self.of(name, ref).get("displayName", name))

    @property
    def unit(self) -> str:
        return str(self.defaults.get("unit", "short"))


def _words(mappings: list[dict[str, Any]] | None, value: float) -> tuple[str, str] | None:
    for one in mappings or ():
        if found := one["options"].get(f"{value:g}"):
            return found["text"], found["color"]
    return None


def _stat(panel: Panel, answer: Answer, look: Look, width: float) -> str:
    cells, room = [], width / len(answer.series)
    for one in answer.series:
        value = one.points[-1][1]
        colour, words = look.colour(one.name, one.ref), _words(look.defaults.get("mappings"), value)
        text = words[0] if words else shown(value, look.unit, look.defaults.get("decimals"))
        name = f"<span>{escape(one.name)}</span>" if panel["options"].get("textMode") == "value_and_name" else ""
        solid = panel["options"].get("colorMode") == "background_solid"
        style = f"background:{words[1] if words else colour};color:#fff" if solid else f"color:{colour}"
        size = min(30, room * 1.5 / max(len(text), 6))
        cells.append(f'<div style="{style}">{name}<b style="font-size:{size:.0f}px">{escape(text)}</b></div>')
    return f'<div class="stats">{"".join(cells)}</div>'


def _table(panel: Panel, answer: Answer, look: Look) -> str:
    organize = next(one["options"] for one in panel["transformations"] if one["id"] == "organize")
    merged: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for _, rows in answer.rows:
        for row in rows:
            labels = {key: value for key, value in row.items() if not key.startswith("Value")}
            same = tuple(sorted((key, str(value)) for key, value in labels.items()))
            merged.setdefault(same, {}).update(row)
    fields = sorted(organize["indexByName"], key=organize["indexByName"].__getitem__)
    heads, lines = "", []
    numeric = {name: look.of(organize["renameByName"].get(name, name)).get("unit") for name in fields}
    for name in fields:
        heads += f'<th class="{"n" if numeric[name] else ""}">{escape(organize["renameByName"].get(name, name))}</th>'
    for row in merged.values():
        cells = ""
        for name in fields:
            value, title = row.get(name), organize["renameByName"].get(name, name)
            words = _words(look.of(title).get("mappings"), value) if isinstance(value, float) else None
            if words:
                cells += f'<td style="background:{words[1]};color:#fff">{escape(words[0])}</td>'
            elif numeric[name]:
                cells += f'<td class="n">{"" if value is None else shown(float(value), str(numeric[name]))}</td>'
            else:
                cells += f"<td>{escape(str(value if value is not None else ''))}</td>"
        lines.append(f"<tr>{cells}</tr>")
    return f"<table><tr>{heads}</tr>{''.join(lines)}</table>"


def _legend(names: list[tuple[str, str]]) -> str:
    return '<div class="legend">' + "".join(f'<i style="background:{c}"></i>{escape(n)}' for n, c in names) + "</div>"


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    size = (
        10 ** len(str(int(rough))) / 10 if rough >= 1 else 10.0 ** -next(n for n in range(1, 12) if rough * 10**n >= 1)
    )
    step = next(size * of for of in (1, 2, 2.5, 5, 10) if size * of >= rough * 0.999)
    first = int(low / step) * step
    return [first + step * n for n in range(12) if low <= first + step * n <= high * 1.0001]


class Plot:
    """Axes of a picture within a panel."""

    def __init__(self, size: tuple[float, float], span: Span, bounds: tuple[float, float], unit: str) -> None:
        (self.width, self.height), (self.low, self.high), self.unit = size, bounds, unit
        self.left, self.right, self.top, self.bottom = 62, 12, 6, 46
        self.since, self.until = span.since.timestamp(), span.until.timestamp()
        self.parts: list[str] = []

    def x(self, second: float) -> float:
        return self.left + (second - self.since) / (self.until - self.since) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        share = (min(value, self.high) - self.low) / (self.high - self.low)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def axes(self) -> None:
        for value in _ticks(self.low, self.high):
            y = self.y(value)
            self.parts.append(f'<path d="M{self.left} {y:.1f}H{self.width - self.right}" stroke="{PALE}"/>')
            said = escape(shown(value, self.unit))
            self.parts.append(
                f'<text x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end" font-size="11">{said}</text>'
            )
        wide = self.until - self.since > 2 * 86400
        for n in range(7):
            second = self.since + (self.until - self.since) * n / 6
            local = datetime.fromtimestamp(second, ZoneInfo("Asia/Shanghai"))
            said = local.strftime("%m-%d" if wide else "%H:%M")
            anchor = "start" if n == 0 else "end" if n == 6 else "middle"
            y = self.height - self.bottom + 15
            self.parts.append(
                f'<text x="{self.x(second):.1f}" y="{y}" text-anchor="{anchor}" font-size="11">{said}</text>'
            )

    def svg(self) -> str:
        return f'<svg width="{self.width}" height="{self.height}" fill="{INK}">{"".join(self.parts)}</svg>'


def _bounds(look: Look, series: list[Series], *, stacked: bool) -> tuple[float, float]:
    values = [value for one in series for _, value in one.points]
    if stacked:
        sums: dict[float, float] = {}
        for one in series:
            for time, value in one.points:
                sums[time] = sums.get(time, 0) + value
        values = [*sums.values(), 0]
    low, high = look.defaults.get("min"), look.defaults.get("max")
    low = min(values) if low is None else low
    if high is None or low != 0:
        low = low - (max(values) - low) * 0.05 if look.defaults.get("min") is None else low
        high = max(values) * 1.08 if high is None else high
    return low, high if high > low else low + 1


def _course(answer: Answer, look: Look, size: tuple[float, float], span: Span) -> str:
    custom, series = look.defaults["custom"], answer.series
    stacked, bars = custom["stacking"]["mode"] == "normal", custom["drawStyle"] == "bars"
    plot = Plot(size, span, _bounds(look, series, stacked=stacked), look.unit)
    plot.axes()
    base: dict[float, float] = {}
    slot = min(
        (b - a for one in series for (a, _), (b, _) in zip(one.points, one.points[1:], strict=False)),
        default=span.seconds / 100,
    )
    for one in series:
        own, colour = look.of(one.name, one.ref), look.colour(one.name, one.ref)
        wide = own.get("custom.lineWidth", custom["lineWidth"])
        dash = ' stroke-dasharray="10 6"' if "custom.lineStyle" in own else ""
        if bars:
            for time, value in one.points:
                foot = base.get(time, 0.0)
                base[time] = foot + value
                x, y = max(plot.x(time), plot.left), plot.y(foot + value)
                width = max(min(plot.x(time + slot) - plot.x(time), plot.width * 0.3) * 0.8, 2)
                box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{plot.y(foot) - y:.1f}"'
                plot.parts.append(f'<rect {box} fill="{colour}"/>')
            continue
        for part in _unbroken(one.points, slot * 1.6):
            tops = [(time, value + (base.get(time, 0.0) if stacked else 0)) for time, value in part]
            path = "L".join(f"{plot.x(time):.1f} {plot.y(value):.1f}" for time, value in tops)
            if stacked:
                feet = "L".join(f"{plot.x(time):.1f} {plot.y(base.get(time, 0.0)):.1f}" for time, _ in reversed(part))
                plot.parts.append(f'<path d="M{path}L{feet}Z" fill="{colour}" fill-opacity=".85"/>')
            else:
                plot.parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{wide}"{dash}/>')
            if own.get("custom.showPoints") == "always":
                every = max(1, len(part) // 12)
                plot.parts += [
                    f'<circle cx="{plot.x(time):.1f}" cy="{plot.y(value):.1f}" r="5" fill="{colour}"/>'
                    for time, value in part[::every]
                ]
        if stacked:
            for time, value in one.points:
                base[time] = base.get(time, 0.0) + value
    named = dict.fromkeys((look.name(one.name, one.ref), look.colour(one.name, one.ref)) for one in series)
    return plot.svg() + _legend(list(named))


def _unbroken(points: list[tuple[float, float]], most: float) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = []
    for point in points:
        if parts and point[0] - parts[-1][-1][0] <= most:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts


def _bars(panel: Panel, answer: Answer, look: Look, size: tuple[float, float]) -> str:
    rows = [row for _, rows in answer.rows for row in rows]
    name, *fields = rows[0]
    longest = max(sum(float(row[one] or 0) for one in fields) for row in rows) or 1
    width, height = size
    lying, parts = panel["options"]["orientation"] == "horizontal", []
    left, room = (110.0, width - 180) if lying else (40.0, height - 80)
    slot = (height - 36) / len(rows) if lying else (width - 60) / len(rows)
    for at, row in enumerate(rows):
        foot = 0.0
        for one in fields:
            value = float(row[one] or 0)
            long, colour = value / longest * room, look.colour(one)
            across = slot * at + slot * 0.12
            box = (
                (left + foot, across + 4, long, slot * 0.76)
                if lying
                else (left + across, height - 56 - foot - long, slot * 0.76, long)
            )
            parts.append('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>'.format(*box, colour))
            foot += long
        total = escape(shown(sum(float(row[one] or 0) for one in fields), look.unit))
        y = slot * (at + 0.5) + 8
        said = escape(str(row[name])[:14])
        if lying:
            parts.append(f'<text x="{left - 8}" y="{y}" text-anchor="end">{said}</text>')
            parts.append(f'<text x="{left + foot + 6:.1f}" y="{y}">{total}</text>')
        else:
            x = left + slot * (at + 0.5)
            parts.append(f'<text x="{x:.1f}" y="{height - 38}" text-anchor="middle">{said}</text>')
            parts.append(
                f'<text x="{x:.1f}" y="{height - 62 - foot:.1f}" text-anchor="middle" font-size="11">{total}</text>'
            )
    svg = f'<svg width="{width}" height="{height}" fill="{INK}" font-size="12">{"".join(parts)}</svg>'
    return svg + _legend([(look.name(one), look.colour(one)) for one in fields])


def _inside(panel: Panel, answer: Answer, size: tuple[float, float], span: Span) -> str:
    look = Look(panel)
    if not answer.series and not any(rows for _, rows in answer.rows):
        return f'<div class="nothing">{escape(look.defaults["noValue"])}</div>'
    match panel["type"]:
        case "stat":
            return _stat(panel, answer, look, size[0])
        case "table":
            return _table(panel, answer, look)
        case "barchart":
            return _bars(panel, answer, look, size)
    return _course(answer, look, size, span)


def page(dashboard: dict[str, Any], answers: list[Answer], span: Span) -> tuple[str, int]:
    """The page, and how high it is."""
    made, lowest = [], 0
    for panel, answer in zip(dashboard["panels"], answers, strict=True):
        at = panel["gridPos"]
        x, width = at["x"] * WIDTH / 24 + GAP / 2, at["w"] * WIDTH / 24 - GAP
        y, height = 48 + at["y"] * ROW, at["h"] * ROW - GAP
        lowest = max(lowest, y + height + GAP)
        inside = _inside(panel, answer, (width, height - 28), span)
        head = f"<h2>{escape(panel['title'])}</h2>"
        made.append(f'<section style="left:{x}px;top:{y}px;width:{width}px;height:{height}px">{head}{inside}</section>')
    told = escape(dashboard["description"])
    head = f"<h1>{escape(dashboard['title'])} <small>{told}</small></h1>"
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{head}{"".join(made)}', lowest


def draw(dashboard: dict[str, Any], answers: list[Answer], span: Span, file: Path) -> None:
    """A picture of the dashboard."""
    text, height = page(dashboard, answers, span)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source = Path(folder) / "page.html"
        source.write_text(text, encoding="utf-8")
        words = [
            install.ready(), "--headless=new", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
            f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{height}", f"--screenshot={file}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []), source.as_uri(),
        ]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True, timeout=60)
