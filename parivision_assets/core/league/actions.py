"""How shots are described: per class of location, the scorers' labels, their shares by position and make rates.

Shares and make rates are aggregates over the shots archive's seasons 2018, 2020 and 2021 (labels of at least 2 % of
a class, rounded to whole percent); what is rarer is left out. A label's rate against its class says how much it tells.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from parivision_assets.core.league.draws import Floats

CLASSES = ("rim 0 ft", "rim 1 ft", "rim 2 ft", "rim 3 ft", "paint near", "paint far", "mid", "corner", "arc", "back")
"""Classes of location by the standard court: the restricted area by whole foot, the paint to 8 ft and beyond, …"""

RIM_CLASSES = 4
CLASS_REGION = (0, 0, 0, 0, 1, 1, 2, 3, 3, 3)
"""Per class its region: 0 rim, 1 paint, 2 mid-range, 3 three."""

_Row = tuple[str, int, int, int, float]

_ROWS: tuple[tuple[_Row, ...], ...] = (
    (
        ("Tip Layup Shot", 11, 22, 32, 0.53), ("Driving Layup Shot", 27, 11, 3, 0.68),
        ("Putback Layup Shot", 4, 7, 10, 0.75), ("Cutting Dunk Shot", 2, 7, 9, 0.97), ("Layup Shot", 6, 7, 7, 0.68),
        ("Cutting Layup Shot", 5, 6, 5, 0.84), ("Running Layup Shot", 10, 5, 1, 0.79), ("Dunk Shot", 1, 4, 7, 0.95),
        ("Alley Oop Dunk Shot", 1, 3, 7, 0.94), ("Driving Dunk Shot", 4, 5, 2, 0.93),
        ("Running Dunk Shot", 5, 5, 2, 0.98), ("Driving Finger Roll Layup Shot", 8, 3, 1, 0.77),
        ("Tip Dunk Shot", 1, 3, 5, 0.84), ("Putback Dunk Shot", 1, 2, 4, 0.90),
        ("Driving Reverse Layup Shot", 5, 2, 0, 0.66),
    ),
    (
        ("Driving Layup Shot", 38, 23, 8, 0.59), ("Layup Shot", 9, 15, 21, 0.57),
        ("Cutting Layup Shot", 6, 10, 11, 0.78),
        ("Running Layup Shot", 11, 8, 2, 0.71), ("Driving Finger Roll Layup Shot", 10, 5, 1, 0.71),
        ("Cutting Dunk Shot", 1, 5, 10, 0.94), ("Driving Reverse Layup Shot", 6, 3, 1, 0.62),
        ("Dunk Shot", 1, 4, 9, 0.88),
        ("Putback Layup Shot", 1, 4, 6, 0.70), ("Reverse Layup Shot", 2, 4, 4, 0.67),
        ("Alley Oop Dunk Shot", 1, 2, 8, 0.88), ("Driving Dunk Shot", 2, 4, 3, 0.84),
        ("Running Dunk Shot", 3, 4, 2, 0.95),
    ),
    (
        ("Driving Layup Shot", 41, 28, 10, 0.46), ("Layup Shot", 11, 18, 27, 0.44),
        ("Cutting Layup Shot", 5, 8, 12, 0.67), ("Running Layup Shot", 10, 7, 1, 0.58),
        ("Driving Finger Roll Layup Shot", 10, 5, 1, 0.63), ("Driving Reverse Layup Shot", 5, 3, 1, 0.52),
        ("Putback Layup Shot", 1, 3, 6, 0.59), ("Cutting Dunk Shot", 1, 3, 5, 0.89),
        ("Reverse Layup Shot", 2, 3, 3, 0.55),
    ),
    (
        ("Driving Layup Shot", 41, 29, 11, 0.35), ("Layup Shot", 11, 18, 25, 0.31),
        ("Driving Finger Roll Layup Shot", 9, 5, 2, 0.54), ("Cutting Layup Shot", 4, 6, 10, 0.54),
        ("Running Layup Shot", 7, 6, 1, 0.47), ("Driving Floating Jump Shot", 7, 4, 1, 0.39),
        ("Hook Shot", 1, 3, 11, 0.48),
        ("Driving Floating Bank Jump Shot", 4, 2, 1, 0.60), ("Turnaround Hook Shot", 0, 2, 6, 0.51),
        ("Putback Layup Shot", 1, 2, 4, 0.46), ("Floating Jump shot", 2, 2, 2, 0.49),
    ),
    (
        ("Driving Layup Shot", 21, 17, 5, 0.26), ("Driving Floating Jump Shot", 22, 12, 3, 0.42),
        ("Floating Jump shot", 10, 7, 7, 0.44), ("Hook Shot", 1, 7, 23, 0.44), ("Layup Shot", 6, 8, 10, 0.24),
        ("Turnaround Hook Shot", 1, 5, 16, 0.50), ("Jump Shot", 5, 6, 8, 0.26),
        ("Driving Floating Bank Jump Shot", 7, 5, 1, 0.54), ("Turnaround Jump Shot", 2, 6, 5, 0.42),
        ("Driving Hook Shot", 1, 4, 5, 0.46), ("Driving Finger Roll Layup Shot", 5, 2, 1, 0.46),
        ("Pullup Jump shot", 4, 3, 1, 0.47), ("Cutting Layup Shot", 1, 2, 4, 0.42),
    ),
    (
        ("Driving Floating Jump Shot", 28, 15, 5, 0.44), ("Pullup Jump shot", 21, 17, 4, 0.47),
        ("Floating Jump shot", 15, 11, 19, 0.43), ("Jump Shot", 9, 14, 21, 0.34),
        ("Fadeaway Jump Shot", 6, 8, 4, 0.43),
        ("Turnaround Jump Shot", 3, 9, 7, 0.43), ("Turnaround Fadeaway shot", 3, 8, 6, 0.46),
        ("Hook Shot", 1, 3, 13, 0.38),
        ("Step Back Jump shot", 4, 3, 1, 0.46), ("Turnaround Hook Shot", 1, 2, 10, 0.42),
        ("Driving Floating Bank Jump Shot", 3, 2, 0, 0.52),
    ),
    (
        ("Pullup Jump shot", 45, 30, 7, 0.44), ("Jump Shot", 23, 34, 62, 0.37),
        ("Step Back Jump shot", 12, 10, 4, 0.43),
        ("Fadeaway Jump Shot", 5, 6, 4, 0.38), ("Turnaround Fadeaway shot", 2, 6, 6, 0.41),
        ("Turnaround Jump Shot", 2, 5, 8, 0.39), ("Driving Floating Jump Shot", 4, 2, 1, 0.38),
        ("Floating Jump shot", 3, 2, 2, 0.38),
    ),
    (
        ("Jump Shot", 90, 94, 96, 0.39), ("Step Back Jump shot", 5, 3, 2, 0.40), ("Running Jump Shot", 2, 2, 1, 0.50),
        ("Pullup Jump shot", 2, 1, 1, 0.47),
    ),
    (
        ("Jump Shot", 69, 84, 94, 0.35), ("Pullup Jump shot", 18, 9, 2, 0.37), ("Step Back Jump shot", 8, 4, 2, 0.38),
        ("Running Jump Shot", 2, 2, 1, 0.42), ("Running Pull-Up Jump Shot", 2, 1, 1, 0.41),
    ),
    (
        ("Jump Shot", 66, 65, 75, 0.012), ("Running Jump Shot", 16, 19, 16, 0.012),
        ("Pullup Jump shot", 10, 10, 6, 0.04),
        ("Running Pull-Up Jump Shot", 5, 4, 1, 0.05),
    ),
)  # fmt: skip

MAX_ACTIONS = max(len(rows) for rows in _ROWS)
LABELS = tuple(sorted({row[0] for rows in _ROWS for row in rows}))
"""Every label, sorted; arrays hold the index."""

SPLIT_LABELS = {
    "Jump Shot": "Contested Jump Shot",
    "Pullup Jump shot": "Contested Pullup Jump shot",
    "Driving Layup Shot": "Contested Driving Layup Shot",
    "Layup Shot": "Contested Layup Shot",
    "Cutting Layup Shot": "Contested Cutting Layup Shot",
    "Driving Floating Jump Shot": "Contested Driving Floating Jump Shot",
}
"""Scenario new_actions: shots of these labels with a defender within 4 ft get the finer label."""


@lru_cache(maxsize=1)
def tables() -> tuple[Floats, Floats, Floats]:
    """Return shares (class, position, action), logit effects (class, action) and label indices (class, action).

    Unused places have share 0. Effects are relative to the class's mean label, weighting positions as 50:35:15.
    """
    shape = (len(CLASSES), MAX_ACTIONS)
    shares = np.zeros((len(CLASSES), 3, MAX_ACTIONS))
    effects = np.zeros(shape)
    labels = np.zeros(shape)
    for place, rows in enumerate(_ROWS):
        count = len(rows)
        shares[place, :, :count] = np.array([row[1:4] for row in rows], dtype=np.float64).T
        rates = np.array([row[4] for row in rows])
        mixture = np.array([0.50, 0.35, 0.15]) @ (shares[place, :, :count] / shares[place].sum(axis=1)[:, None])
        logits = np.log(rates / (1 - rates))
        effects[place, :count] = np.round(logits - (mixture * logits).sum(), 4)
        labels[place, :count] = [LABELS.index(row[0]) for row in rows]
    shares /= shares.sum(axis=2)[:, :, None]
    return shares, effects, labels
