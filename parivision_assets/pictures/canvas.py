"""What all pictures share: colours, an empty plot in the house's style, and PNG bytes that repeat."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, ACCENT, SECOND, GRID = "#1f2430", "#6b7280", "#c2410c", "#1d4ed8", "#e5e7eb"


def empty_figure(width_in: float, height_in: float) -> Figure:
    """Return a figure without plots."""
    # A Figure without pyplot keeps no global state, so pictures can be drawn from several threads.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def one_plot(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """Return a figure with one plot."""
    figure = empty_figure(width_in, height_in)
    axes = figure.add_subplot()
    styled(axes)
    return figure, axes


def styled(axes: Axes) -> Axes:
    """Return the plot with quiet borders and ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelsize=8)
    return axes


def png(figure: Figure) -> bytes:
    """Return the figure as PNG, without the name of what drew it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
