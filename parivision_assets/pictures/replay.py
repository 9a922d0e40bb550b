"""A replay at one glance: log loss by month of every contestant, a panel per target, with what was found and done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from parivision_assets.pictures.canvas import ACCENT, GRID, INK, MUTED, SECOND, empty_figure, png, styled

COLOURS = (MUTED, ACCENT, SECOND, INK)
MOVED_COLOUR, PROMOTED_COLOUR = "#a16207", "#15803d"
PANEL_HEIGHT_IN = 2.7


def replay_png(months: pl.DataFrame, contestants: Sequence[str], marks: Sequence[tuple[str, dt.date, str]]) -> bytes:
    """Return a PNG with a panel per target.

    Args:
        months: `target`, `month` (its first day) and a column of mean log loss per contestant (nats); may lack some.
        contestants: the columns to draw, in order; the second is the loop and drawn boldest.
        marks: (target, day, what): "promoted", or a verdict of a drift report.
    """
    targets = months["target"].unique(maintain_order=True).sort().to_list()
    figure = empty_figure(9.2, 0.5 + PANEL_HEIGHT_IN * max(1, len(targets)))
    panels = figure.subplots(max(1, len(targets)), 1, squeeze=False)
    for row, target in enumerate(targets):
        axes = styled(panels[row][0])
        of_target = months.filter(pl.col("target") == target).sort("month")
        for colour, name in zip(COLOURS, contestants, strict=False):
            if name in of_target.columns:
                line = of_target.select("month", name).drop_nulls()
                width, style = (2.2, "-") if name == contestants[1] else (1.3, "--" if colour == INK else "-")
                axes.plot(
                    line["month"].to_list(), line[name].to_list(), color=colour, linewidth=width, linestyle=style,
                    marker="o", markersize=3, label=name,
                )  # fmt: skip
        drawn: set[str] = set()
        for _, day, what in (mark for mark in marks if mark[0] == target):
            promoted = what == "promoted"
            label = "a challenger is promoted" if promoted else "a report says concept" if "concept" in what else None
            if label is not None:
                shown = None if label in drawn else label
                drawn.add(label)
                colour, dashes = (PROMOTED_COLOUR, "-") if promoted else (MOVED_COLOUR, ":")
                # The stubs know no dates; an axis of dates takes them.
                axes.axvline(day, color=colour, linewidth=1, linestyle=dashes, alpha=0.8, label=shown)  # type: ignore[arg-type]
        axes.set_title(target.replace("_", " "), loc="left", fontsize=11, color=INK)
        axes.set_ylabel("log loss, nats", fontsize=8, color=MUTED)
        axes.grid(color=GRID, linewidth=0.7)
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return png(figure)
