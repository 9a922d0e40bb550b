"""The picture of a drift report: what the change is made of, which inputs moved, and how far outcomes stray by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parivision_assets.core.drift import Attribution, ColumnShift, DriftSummary
from parivision_assets.pictures.canvas import ACCENT, GRID, INK, MUTED, SECOND, empty_figure, png, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
MOST_COLUMNS = 8
WELL_BEYOND = 6.0
"""Bars end at this many limits; the figure beside them says how far they go."""


def drift_png(summary: DriftSummary, days: pl.DataFrame) -> bytes:
    """Return the picture of one report.

    Args:
        summary: what the report says.
        days: columns `day`, `residual` (outcome less probability, mean of the last game days) and `half_width_95`,
            one row per game day; no rows where no outcome is known.
    """
    figure = empty_figure(10.5, 6.6)
    grid = figure.add_gridspec(2, 2, hspace=0.08, wspace=0.06)
    parts, columns, line = (styled(figure.add_subplot(place)) for place in (grid[0, 0], grid[0, 1], grid[1, :]))
    _draw_parts(parts, summary.attribution)
    _draw_columns(columns, summary.input.columns)
    _draw_days(line, summary, days)
    verdict = "no drift" if summary.verdict == "none" else summary.verdict
    figure.suptitle(
        f"{summary.target}, {summary.first_date} to {summary.last_date}: {verdict} (severity {summary.severity})",
        x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold",
    )  # fmt: skip
    return png(figure)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10, color=INK)


def _say(axes: Axes, words: str) -> None:
    """Show a sentence in the place of a plot."""
    axes.text(0.0, 0.5, words, transform=axes.transAxes, va="center", fontsize=9, color=MUTED, wrap=True)
    axes.axis("off")


def _draw_parts(axes: Axes, change: Attribution | None) -> None:
    _title(axes, "Change in log loss against unseen games before")
    if change is None:
        _say(axes, "nothing to compare with, or no outcome known")
        return
    names = ["covariate mix", "concept", "noise", "change"]
    values = [change.mix_nats, change.concept_nats, change.noise_nats, change.change_nats]
    starts = [0.0, values[0], values[0] + values[1], 0.0]
    places = range(len(names))
    axes.barh(places, values, left=starts, color=[SECOND, ACCENT, MUTED, INK], height=0.6)
    if change.change_se is not None:
        axes.errorbar(values[3], 3, xerr=1.96 * change.change_se, color=MUTED, capsize=3, elinewidth=1)
    reach = max(*(abs(start + value) for start, value in zip(starts, values, strict=True)), 1e-4)
    reach += 1.96 * (change.change_se or 0.0)
    low = min(0.0, *(start + value for start, value in zip(starts, values, strict=True)))
    for place, (start, value) in enumerate(zip(starts, values, strict=True)):
        error = 1.96 * (change.change_se or 0.0) if place == 3 else 0.0
        axes.text(
            max(start, start + value) + error + 0.03 * reach, place, f"{value:+.4f}", va="center", fontsize=8, color=INK
        )
    axes.set(yticks=list(places), yticklabels=names, xlim=(1.25 * low, 1.3 * reach))
    axes.invert_yaxis()
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel(
        f"nats per prediction ({change.reference_log_loss:.4f} there, {change.current_log_loss:.4f} now)",
        fontsize=8, color=MUTED,
    )  # fmt: skip


def _draw_columns(axes: Axes, columns: tuple[ColumnShift, ...]) -> None:
    _title(axes, "Inputs that moved most, against their limits")
    ranked = sorted(columns, key=lambda item: item.psi / item.limit)[-MOST_COLUMNS:]
    if not ranked:
        _say(axes, "no column was compared")
        return
    ratios = [max(0.0, item.psi / item.limit) for item in ranked]
    places = range(len(ranked))
    colors = [ACCENT if item.moved else SECOND for item in ranked]
    axes.barh(places, [min(ratio, WELL_BEYOND) for ratio in ratios], color=colors, height=0.6)
    reach = max(1.0, *(min(ratio, WELL_BEYOND) for ratio in ratios))
    for place, (item, ratio) in enumerate(zip(ranked, ratios, strict=True)):
        words = f"PSI {item.psi:.3f}" + (f", {ratio:.0f} limits" if ratio > WELL_BEYOND else "")
        axes.text(min(ratio, WELL_BEYOND) + 0.02 * reach, place, words, va="center", fontsize=8, color=INK, bbox=_PAPER)
    axes.set_ylim(-0.6, max(len(ranked), 4) - 0.4)
    axes.axvline(1, color=INK, linewidth=1, linestyle="--", zorder=0)
    axes.set(yticks=list(places), yticklabels=[item.column for item in ranked], xlim=(0, 1.35 * reach))
    axes.set_xlabel("shift beyond chance, in limits (dashed: the limit)", fontsize=8, color=MUTED)


def _draw_days(axes: Axes, summary: DriftSummary, days: pl.DataFrame) -> None:
    _title(axes, "Outcome less probability: rolling mean, 95 % band")
    if days.is_empty():
        _say(axes, "no outcome of a served prediction is known yet")
        return
    when, mean = days["day"].to_list(), days["residual"].to_numpy()
    width = days["half_width_95"].to_numpy()
    axes.fill_between(when, mean - width, mean + width, color=SECOND, alpha=0.18, linewidth=0)
    axes.plot(when, mean, color=SECOND, linewidth=1.6)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    from matplotlib.dates import date2num

    if summary.first_date is not None and summary.last_date is not None:
        first, last = (date2num(day) for day in (summary.first_date, summary.last_date))  # type: ignore[no-untyped-call]
        axes.axvspan(first, last, color=GRID, alpha=0.6, zorder=0, label="this window")
    if (since := summary.relation.since) is not None:
        words = f"relation moved about {since}"
        place = date2num(since)  # type: ignore[no-untyped-call]
        axes.axvline(place, color=ACCENT, linewidth=1.2, linestyle="--", label=words)
    axes.set_ylabel("probability", fontsize=8, color=MUTED)
    axes.legend(frameon=False, fontsize=8, loc="best")
    harm = summary.relation
    words = f"re-learning would save {harm.harm_nats:+.4f} nats per prediction lately"
    words += "" if harm.harm_se is None else f" (± {harm.harm_se:.4f})"
    axes.set_title(words, loc="right", fontsize=8, color=MUTED)
