"""Numbers that the league shares with the real one: what it imitates, and how closely it must.

Everything here is an aggregate over the shots archive's seasons 2018, 2020 and 2021 (590,806 shots, coordinates
repaired), the betting archive's regular seasons 2016-2020 (5,979 games) or the tracking logs of 2014-15; no row of
any file is kept. A test recomputes the shares and rates from the real files.
"""

from __future__ import annotations

ZONE_SHARE = {
    "Restricted Area": 0.3128,
    "In The Paint (Non-RA)": 0.1656,
    "Mid-Range": 0.1523,
    "Left Corner 3": 0.0435,
    "Right Corner 3": 0.0402,
    "Above the Break 3": 0.2834,
    "Backcourt": 0.0021,
}
ZONE_MAKE_RATE = {
    "Restricted Area": 0.6355,
    "In The Paint (Non-RA)": 0.4083,
    "Mid-Range": 0.4068,
    "Left Corner 3": 0.3929,
    "Right Corner 3": 0.3907,
    "Above the Break 3": 0.3559,
    "Backcourt": 0.0162,
}
TWO_POINT_MAKE_RATE = 0.5207
THREE_POINT_MAKE_RATE = 0.3621
THREE_POINT_SHARE = 0.3697
HOME_WIN_SHARE = 0.580
MARGIN_SD_PTS = 13.83
TOTAL_MEAN_PTS = 214.8
TOTAL_SD_PTS = 21.1
SHOTS_PER_TEAM_GAME = 87.7

ZONE_SHARE_TOLERANCE = 0.02
ZONE_MAKE_TOLERANCE = 0.015
HOME_WIN_TOLERANCE = 0.035
MARGIN_SD_TOLERANCE_PTS = 1.0
TOTAL_MEAN_TOLERANCE_PTS = 6.0
TOTAL_SD_TOLERANCE_PTS = 3.0

ZONES = tuple(ZONE_SHARE)
"""Zones in the order of their index in every array of this package."""

POSITIONS = ("G", "F", "C")
ZONE_MIX_BY_POSITION = (
    # Restricted Area, paint, mid-range, left corner, right corner, above the break, backcourt
    (0.2549, 0.1611, 0.1654, 0.0438, 0.0382, 0.3340, 0.0024),
    (0.3056, 0.1526, 0.1464, 0.0560, 0.0540, 0.2838, 0.0020),
    (0.4916, 0.2077, 0.1299, 0.0145, 0.0146, 0.1407, 0.0013),
)
"""Share of each zone among the shots of guards, forwards and centres."""

ZONE_DISTANCE_SHARES: dict[str, dict[int, float]] = {
    "Restricted Area": {0: 0.272, 1: 0.353, 2: 0.246, 3: 0.130},
    "In The Paint (Non-RA)": {
        4: 0.162, 5: 0.144, 6: 0.132, 7: 0.121, 8: 0.095, 9: 0.076, 10: 0.068, 11: 0.063, 12: 0.061, 13: 0.049,
        14: 0.022, 15: 0.008,
    },
    "Mid-Range": {
        8: 0.016, 9: 0.030, 10: 0.038, 11: 0.043, 12: 0.046, 13: 0.051, 14: 0.079, 15: 0.100, 16: 0.111, 17: 0.107,
        18: 0.106, 19: 0.096, 20: 0.080, 21: 0.056, 22: 0.032, 23: 0.009,
    },
    "Left Corner 3": {22: 0.353, 23: 0.553, 24: 0.094},
    "Right Corner 3": {22: 0.301, 23: 0.566, 24: 0.133},
    "Above the Break 3": {
        23: 0.004, 24: 0.166, 25: 0.400, 26: 0.246, 27: 0.103, 28: 0.042, 29: 0.018, 30: 0.008, 31: 0.004, 32: 0.0025,
        33: 0.0015, 34: 0.001, 36: 0.001, 38: 0.001, 40: 0.001, 42: 0.001,
    },
    "Backcourt": {46: 0.15, 50: 0.2, 55: 0.2, 60: 0.2, 65: 0.15, 70: 0.1},
}  # fmt: skip
"""Share of each whole foot from the hoop within a zone."""

DEFENDER_BANDS_FT = ((0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 14.0))
"""The league's four bands of the closest defender's distance: very tight, tight, open, wide open."""

DEFENDER_SHARES = (
    # by region: rim, paint, mid-range, three; tracking logs 2014-15 by shot distance
    (0.426, 0.433, 0.099, 0.042),
    (0.334, 0.501, 0.136, 0.029),
    (0.060, 0.300, 0.410, 0.230),
    (0.019, 0.194, 0.416, 0.371),
)
