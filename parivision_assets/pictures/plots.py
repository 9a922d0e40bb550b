"""Calibration, importances, confusion, shot charts and lines over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from parivision_assets.core import court
from parivision_assets.core.evaluation import Confusion
from parivision_assets.pictures.canvas import ACCENT, GRID, INK, MUTED, SECOND, one_plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def calibration_png(curves: Mapping[str, pl.DataFrame], title: str) -> bytes:
    """Return a calibration plot of one or more `core.evaluation.calibration_curve` frames by name."""
    figure, axes = one_plot(5.2, 5.0)
    both = np.concatenate(
        [c[name].to_numpy() for c in curves.values() for name in ("mean_probability", "observed_rate")]
    )
    low, high = max(0.0, float(both.min()) - 0.04), min(1.0, float(both.max()) + 0.04)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle="--", label="perfect calibration")
    for color, (name, curve) in zip((ACCENT, SECOND, INK, MUTED), curves.items(), strict=False):
        axes.errorbar(
            curve["mean_probability"].to_numpy(),
            curve["observed_rate"].to_numpy(),
            yerr=curve["half_width_95"].to_numpy(),
            color=color,
            marker="o",
            markersize=4,
            linewidth=1.4,
            elinewidth=0.9,
            capsize=2,
            label=name.replace("_", " "),
        )
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="predicted probability", ylabel="observed rate")
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.grid(color=GRID, linewidth=0.7)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return png(figure)


def importance_png(shares: Mapping[str, float], title: str, most: int = 20) -> bytes:
    """Return a bar chart of the largest feature importances; shares sum to 1 over all features."""
    ranked = sorted(shares.items(), key=lambda item: item[1])[-most:]
    figure, axes = one_plot(6.4, 0.7 + 0.24 * len(ranked))
    bars = axes.barh([name.replace("_", " ") for name, _ in ranked], [share for _, share in ranked], color=SECOND)
    axes.bar_label(bars, labels=[f"{share:.1%}" for _, share in ranked], padding=3, fontsize=7, color=MUTED)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel("share of total importance", fontsize=8, color=MUTED)
    axes.margins(x=0.12)
    return png(figure)


def confusion_png(counts: Confusion, title: str) -> bytes:
    """Return the two-by-two table of what was said and what happened."""
    figure, axes = one_plot(4.2, 3.6)
    cells = [
        [counts.true_negative, counts.false_positive],
        [counts.false_negative, counts.true_positive],
    ]
    largest = max(max(row) for row in cells)
    axes.imshow(cells, cmap="Blues", vmin=0, vmax=largest * 1.3)
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            axes.text(column, row, f"{value:,}", ha="center", va="center", color=INK, fontsize=11)
    axes.set_xticks([0, 1], ["said no", "said yes"])
    axes.set_yticks([0, 1], ["was no", "was yes"], rotation=90, va="center")
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return png(figure)


def _draw_court(axes: Axes) -> None:
    from matplotlib.patches import Arc, Circle, Rectangle

    def line(xs: list[float], ys: list[float]) -> None:
        axes.plot(xs, ys, color=MUTED, linewidth=1)

    base, width, corner = court.MIN_Y_FT, court.HALF_WIDTH_FT, court.CORNER_THREE_FT
    axes.add_patch(Rectangle((-width, base), 2 * width, court.HALF_COURT_LENGTH_FT, fill=False, color=MUTED, lw=1))
    axes.add_patch(Rectangle((-8, base), 16, 19, fill=False, color=MUTED, lw=1))
    axes.add_patch(Circle((0, 0), 0.75, fill=False, color=ACCENT, lw=1.5))
    axes.add_patch(Arc((0, 19 + base), 12, 12, theta1=0, theta2=180, color=MUTED, lw=1))
    radius = 2 * court.RESTRICTED_AREA_RADIUS_FT
    axes.add_patch(Arc((0, 0), radius, radius, theta1=0, theta2=180, color=MUTED, lw=1))
    start = math.degrees(math.acos(corner / court.ARC_RADIUS_FT))
    diameter = 2 * court.ARC_RADIUS_FT
    axes.add_patch(Arc((0, 0), diameter, diameter, theta1=start, theta2=180 - start, color=MUTED, lw=1))
    line([-corner, -corner], [base, court.CORNER_BREAK_Y_FT])
    line([corner, corner], [base, court.CORNER_BREAK_Y_FT])


def shot_chart_png(spots: pl.DataFrame, title: str) -> bytes:
    """Return a half-court hexbin of expected points.

    Args:
        spots: columns `x_ft`, `y_ft` (feet from the hoop) and `expected_points`, one row per attempt.
        title: what the chart shows.
    """
    figure, axes = one_plot(6.2, 5.6)
    half = spots.filter(pl.col("y_ft") <= court.HALF_COURT_LENGTH_FT + court.MIN_Y_FT)
    hexes = axes.hexbin(
        half["x_ft"].to_numpy(),
        half["y_ft"].to_numpy(),
        C=half["expected_points"].to_numpy(),
        gridsize=(32, 20),
        extent=(-25, 25, -5.25, 41.75),
        cmap="RdYlBu_r",
        vmin=0.7,
        vmax=1.4,
        mincnt=3,
        linewidths=0.2,
    )
    _draw_court(axes)
    axes.set(xlim=(-26, 26), ylim=(-6.5, 36), aspect="equal")
    axes.axis("off")
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    bar = figure.colorbar(hexes, ax=axes, shrink=0.6, pad=0.01)
    bar.set_label("expected points per attempt", fontsize=8, color=MUTED)
    bar.ax.tick_params(labelsize=7, colors=MUTED)
    bar.outline.set_visible(False)
    return png(figure)


def season_lines_png(series: Mapping[str, Mapping[int, float]], title: str, unit: str) -> bytes:
    """Return one line per name over seasons (year in which they end)."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = one_plot(7.2, 3.4)
    for color, (name, values) in zip((ACCENT, SECOND, INK, MUTED), series.items(), strict=False):
        axes.plot(list(values), list(values.values()), marker="o", markersize=4, color=color, label=name)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_ylabel(unit, fontsize=8, color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=GRID, linewidth=0.7)
    axes.legend(frameon=False, fontsize=8)
    return png(figure)


def rolling_log_loss_png(rolling: pl.DataFrame, title: str) -> bytes:
    """Return the rolling log loss of a target's champions by game day, each with a band of one standard error.

    Args:
        rolling: one target's `live_performance` rows.
        title: what the picture shows.
    """
    figure, axes = one_plot(7.2, 3.6)
    known = rolling.filter(pl.col("log_loss").is_not_null()).sort("last_date")
    models = known["model"].unique(maintain_order=True).to_list()
    for number, model in enumerate(models):
        own = known.filter(pl.col("model") == model)
        for window, color in (("7_days", MUTED), ("30_days", ACCENT)):
            part = own.filter(pl.col("window") == window)
            days, loss = part["last_date"].to_numpy(), part["log_loss"].to_numpy()
            band = part["log_loss_se"].fill_null(0.0).to_numpy()
            label = f"{window.replace('_', ' ')}, ± 1 standard error" if number == 0 else None
            axes.plot(days, loss, color=color, linewidth=1.5 if window == "30_days" else 0.9, label=label)
            axes.fill_between(days, loss - band, loss + band, color=color, alpha=0.18, linewidth=0)
        holdout = own["holdout_log_loss"].drop_nulls()
        if holdout.len():
            label = "the champion's own holdout" if number == 0 else None
            span = own["last_date"].to_numpy()
            axes.plot([span[0], span[-1]], [holdout[0]] * 2, color=SECOND, linestyle="--", linewidth=1.2, label=label)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_ylabel("log loss (nats)", fontsize=8, color=MUTED)
    axes.grid(color=GRID, linewidth=0.7)
    axes.legend(frameon=False, fontsize=8)
    figure.autofmt_xdate()
    return png(figure)
