"""Pictures of frames as PNG bytes, drawn with matplotlib.

Every function takes what the core computed and returns bytes; where they are shown (Dagster metadata, MLflow, docs)
is decided elsewhere.
"""

from parivision_assets.pictures.drift import drift_png
from parivision_assets.pictures.plots import (
    calibration_png,
    confusion_png,
    importance_png,
    rolling_log_loss_png,
    season_lines_png,
    shot_chart_png,
)
from parivision_assets.pictures.replay import replay_png

__all__ = [
    "calibration_png",
    "confusion_png",
    "drift_png",
    "importance_png",
    "replay_png",
    "rolling_log_loss_png",
    "season_lines_png",
    "shot_chart_png",
]
