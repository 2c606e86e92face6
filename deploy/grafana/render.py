#!/usr/bin/env python3
"""Draws what the panels show, from answers of a real Prometheus: `make dashboard-picture`.

    RENDER=results.json cargo test --test it every_panel
    python3 render.py results.json picture.png      # needs matplotlib

A drawing with the places, titles, queries and units of signout.json. It is not Grafana, and says so.
"""

import json
import math
import sys
from datetime import datetime, timezone
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter, MaxNLocator

BACKGROUND, PANEL, TEXT, FAINT = "#111217", "#181b1f", "#d8d9da", "#5a5e66"
GREEN, RED = "#2f8f4e", "#c4383a"
COLOURS = ["#73bf69", "#5794f2", "#f2cc0c", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#c8f2c2", "#ffb357", "#96d98d"]
# Inches of one cell of the grid.
CELL_WIDTH, CELL_HEIGHT, GAP, HEAD = 0.68, 0.33, 0.06, 0.55


def told(value, unit):
    """A number as Grafana's units tell it."""
    if not math.isfinite(value):
        return str(value)
    if unit == "percentunit":
        return f"{value * 100:.4g} %"
    if unit == "bytes":
        for name in ("B", "KiB", "MiB", "GiB"):
            if abs(value) < 1024 or name == "GiB":
                return f"{value:.3g} {name}"
            value /= 1024
    if unit == "s":
        for name, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
            if abs(value) >= size or name == "µs":
                return f"{value / size:.3g} {name}" if value else "0 s"
    return f"{value:.3g}{'/s' if unit == 'reqps' else ''}"


def legend(pattern, labels):
    for name, value in labels.items():
        pattern = pattern.replace("{{" + name + "}}", value)
    return pattern


def series(results):
    """Legend, times and values of each line."""
    for query in results:
        for one in query["result"]:
            points = [(float(at), float(value)) for at, value in one["values"]]
            yield legend(query["legend"], one["metric"]), [at for at, _ in points], [value for _, value in points]


def draw_lines(axes, panel, results, began):
    unit, custom = panel["fieldConfig"]["defaults"]["unit"], panel["fieldConfig"]["defaults"]["custom"]
    colours = iter(COLOURS * 4)
    below = {}
    for name, times, values in series(results):
        times = [at - began for at in times]
        colour = next(colours)
        if "stacking" in custom:
            bottom = [below.get(at, 0.0) for at in times]
            values = [low + value for low, value in zip(bottom, values)]
            below.update(zip(times, values))
            axes.fill_between(times, bottom, values, color=colour, alpha=0.3, linewidth=0)
        else:
            axes.fill_between(times, 0, values, color=colour, alpha=0.08, linewidth=0)
        axes.plot(times, values, color=colour, linewidth=1.1, label=name)
    if not axes.lines:
        axes.text(0.5, 0.5, "No data", transform=axes.transAxes, ha="center", va="center", color=FAINT, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, unit)))
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.1), ncol=3, fontsize=6, frameon=False, labelcolor=TEXT, handlelength=1, columnspacing=1)


def draw_heatmap(axes, results, began):
    rows = {one["metric"]["le"]: dict(one["values"]) for one in results[0]["result"]}
    bounds = sorted(rows, key=float)
    times = sorted({at for row in rows.values() for at in row})
    # Buckets are cumulative.
    cells = []
    for lower, upper in zip([None, *bounds], bounds):
        below = rows.get(lower, {})
        cells.append([max(float(rows[upper].get(at, 0)) - float(below.get(at, 0)), 0) or math.nan for at in times])
    mesh = axes.pcolormesh([at - began for at in times], range(len(bounds)), cells, cmap="turbo", norm=LogNorm(), shading="nearest")
    mesh.set_edgecolor("none")
    shown = range(0, len(bounds), 2)
    axes.set_yticks(list(shown), [told(float(bounds[at]), "s") for at in shown])


def draw_number(axes, panel, results):
    defaults = panel["fieldConfig"]["defaults"]
    values = [values[-1] for _, _, values in series(results)]
    value = values[-1] if values else math.nan
    text, colour = told(value, defaults["unit"]), RED
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            colour = {"green": GREEN, "red": RED}[step["color"]]
    for mapping in defaults["mappings"]:
        options = mapping["options"]
        if mapping["type"] == "value" and f"{value:g}" in options:
            text = options[f"{value:g}"]["text"]
        elif mapping["type"] == "range" and value >= options["from"]:
            text = options["result"]["text"]
    axes.set_facecolor(colour)
    axes.text(0.5, 0.45, text, transform=axes.transAxes, ha="center", va="center", color="white", fontsize=26, weight="bold")
    axes.set_xticks([])
    axes.set_yticks([])


def main(results_file, picture):
    dashboard = json.loads(Path(__file__).with_name("signout.json").read_text())
    results = json.loads(Path(results_file).read_text())
    panels = dashboard["panels"]
    began = min(at for answers in results.values() for _, times, _ in series(answers) for at in times)
    cells = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    width, height = 24 * CELL_WIDTH, cells * CELL_HEIGHT + HEAD
    figure = plt.figure(figsize=(width, height), facecolor=BACKGROUND)
    day = datetime.fromtimestamp(began, timezone.utc).date()
    note = (
        "Rendered with matplotlib from the answers of a real Prometheus that scraped one real instance under test load"
        f" ({day}, seconds since the first scrape). Not a Grafana screenshot."
    )
    figure.text(0.01, 1 - 0.2 / height, dashboard["title"], color=TEXT, fontsize=15, weight="bold", va="center")
    figure.text(0.07, 1 - 0.2 / height, note, color=TEXT, fontsize=9, va="center")
    for panel in panels:
        at = panel["gridPos"]
        left, top = at["x"] * CELL_WIDTH, HEAD + at["y"] * CELL_HEIGHT
        if panel["type"] == "row":
            figure.text(0.01, 1 - (top + 0.2) / height, panel["title"], color=TEXT, fontsize=12, weight="bold", va="center")
            continue
        wide, tall = at["w"] * CELL_WIDTH, at["h"] * CELL_HEIGHT
        is_number = panel["type"] == "stat"
        box = plt.Rectangle(
            ((left + GAP) / width, 1 - (top + tall - GAP) / height), (wide - 2 * GAP) / width, (tall - 2 * GAP) / height,
            transform=figure.transFigure, facecolor=PANEL, edgecolor="none", zorder=-1,
        )
        figure.add_artist(box)
        figure.text((left + 0.15) / width, 1 - (top + 0.2) / height, panel["title"], color=TEXT, fontsize=8.5, weight="bold", va="center")
        inner = (0.15, 0.4, 0.15, 0.15) if is_number else (0.75, 0.42, 0.2, 0.62)
        axes = figure.add_axes(
            [(left + inner[0]) / width, 1 - (top + tall - inner[3]) / height, (wide - inner[0] - inner[2]) / width, (tall - inner[1] - inner[3]) / height],
            facecolor=PANEL,
        )
        axes.tick_params(colors=TEXT, labelsize=6.5, length=0)
        if not is_number:
            axes.grid(color="#2b2e34", linewidth=0.5)
        for spine in axes.spines.values():
            spine.set_visible(False)
        answers = results[str(panel["id"])]
        if is_number:
            draw_number(axes, panel, answers)
        elif panel["type"] == "heatmap":
            draw_heatmap(axes, answers, began)
        else:
            draw_lines(axes, panel, answers, began)
    figure.savefig(picture, dpi=100, facecolor=BACKGROUND)


if __name__ == "__main__":
    main(*sys.argv[1:])
