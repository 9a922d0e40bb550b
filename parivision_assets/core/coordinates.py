"""Where a shot was taken: which declared repair, if any, turns a game's published coordinates into the truth.

The decision uses only the data: the whole feet that the scorer recorded (a length proves a scale but no sign) and the
side that the scorer labelled (a label proves the sign). It is made per game, because publishers convert whole files
but a landed day replaces whole games. A game that no declared repair explains is unproven, never repaired.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl

from parivision_assets.core import court

DISTANCE_TOLERANCE_FT = 1.0
"""Recorded distances are whole feet, so a true location agrees with its own within one."""
MIN_AGREEMENT = 0.95
"""Share of a game's rows that must agree with distance, and of its sided rows with side, to prove a repair."""
EXPECTED_AGREEMENT = 0.99
"""Share that a table as a whole must reach after repair; the published archives reach 1.0."""
MIN_ROWS = 30
MIN_SIDED_ROWS = 5
"""A game with fewer rows, or sided rows, is judged with its whole file."""
MAX_ONE_SPOT_SHARE = 0.5
"""More of a game's shots than this at one spot away from the hoop is a frozen sensor (archives: at most 0.05)."""
SLOPE_TOLERANCE = 0.015
"""How far from one the slope of computed on recorded distances may be, beside sampling noise: a scale is a defect."""
FAR_FT = 6
"""Nearer shots say nothing about a scale: some archives record them all at the hoop's centre."""
SLOPE_NOISE = 5 * 12**-0.5
"""Five standard deviations of the rounding of a distance to whole feet (uniform over one foot)."""

LEFT = ("Left Side", "Left Side Center")
RIGHT = ("Right Side", "Right Side Center")
UNPROVEN = "unproven"

_SCALES = (1, 10)
_REPAIR_NAMES = {
    (1, 1): "none",
    (1, -1): "mirror_undone",
    (10, 1): "double_conversion_undone",
    (10, -1): "double_conversion_and_mirror_undone",
}
# A second conversion flips the sign once more, so both repairs of a pair come from the same original.
_HANDS = {name: sign if scale == 1 else -sign for (scale, sign), name in _REPAIR_NAMES.items()}


@dataclass(frozen=True)
class CoordinateEvidence:
    """How far coordinates agree with what the scorer wrote down; shares in [0, 1], None without such rows."""

    rows: int
    sided_rows: int
    distance_share: float | None
    side_share: float | None

    @property
    def is_sound(self) -> bool:
        """Whether both shares reach EXPECTED_AGREEMENT (a share without rows does not count against it)."""
        shares = (self.distance_share, self.side_share)
        return all(share is None or share >= EXPECTED_AGREEMENT for share in shares)

    def to_dict(self) -> dict[str, int | float | None]:
        """Return the fields as plain values."""
        return asdict(self)


def as_published(raw: pl.DataFrame) -> pl.DataFrame:
    """Return x_ft, y_ft, recorded_distance_ft and side from the archive's columns, unrepaired, hoop-centred."""
    return raw.select(
        x_ft=pl.col("LOC_X"),
        y_ft=pl.col("LOC_Y") - court.HOOP_FROM_BASELINE_FT,
        recorded_distance_ft=pl.col("SHOT_DISTANCE"),
        side=pl.col("ZONE_NAME"),
    )


def coordinate_evidence(frame: pl.DataFrame) -> CoordinateEvidence:
    """Return the share of rows whose x_ft, y_ft agree with recorded_distance_ft (within a foot) and with side.

    Works on canonical shots and on `as_published(raw)`; only rows labelled left or right say anything about side.
    """
    agrees = agrees_with_distance(pl.col("x_ft"), pl.col("y_ft"), pl.col("recorded_distance_ft"))
    sided = pl.col("side").is_in([*LEFT, *RIGHT])
    row = frame.select(
        rows=pl.len(),
        sided_rows=sided.sum(),
        distance_share=agrees.fill_null(value=False).mean(),
        side_share=agrees_with_side(pl.col("x_ft"), pl.col("side")).filter(sided).fill_null(value=False).mean(),
    ).row(0, named=True)
    return CoordinateEvidence(**row)


def agrees_with_distance(x_ft: pl.Expr, y_ft: pl.Expr, recorded_ft: pl.Expr) -> pl.Expr:
    """Return whether a spot lies within a foot of the recorded distance."""
    return (court.distance_ft(x_ft, y_ft) - recorded_ft).abs() <= DISTANCE_TOLERANCE_FT


def agrees_with_side(x_ft: pl.Expr, side: pl.Expr) -> pl.Expr:
    """Return whether x's sign matches the labelled side: negative on the left; true for labels without a side."""
    return pl.when(side.is_in(LEFT)).then(x_ft < 0).when(side.is_in(RIGHT)).then(x_ft > 0).otherwise(statement=True)


def choose_repairs(raw: pl.DataFrame) -> pl.DataFrame:
    """Return one row per source_file and GAME_ID with the `repair` that is proven, or "unproven".

    Needs the archive's LOC_X, LOC_Y, SHOT_DISTANCE, ZONE_NAME, GAME_ID and source_file. A game with little evidence
    is judged by its file's. A publisher converts left and right one way in a file, so a game against its file's
    majority is unproven even where its labels explain it: its sensor is broken, or its labels are.
    """
    rows = _evidence_rows(raw)
    games = _summarise(rows, ["source_file", "GAME_ID"])
    files = _summarise(rows, ["source_file"]).select("source_file", file_repair=_proven_repair())
    strong = (pl.col("rows") >= MIN_ROWS) & (pl.col("sided") >= MIN_SIDED_ROWS)
    proposed = games.join(files, on="source_file", how="left", maintain_order="left").with_columns(
        repair=pl.when(strong).then(_proven_repair()).otherwise(pl.col("file_repair"))
    )
    hand = pl.col("repair").replace_strict(_HANDS, default=None, return_dtype=pl.Int8)
    of_file = (hand * pl.col("rows")).sum().over("source_file").sign()
    odd = hand.is_not_null() & (hand != of_file)
    return proposed.select("source_file", "GAME_ID", repair=pl.when(odd).then(pl.lit(UNPROVEN)).otherwise("repair"))


def repaired(repair: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Return canonical x_ft and y_ft from LOC_X and LOC_Y under each row's repair name; unproven is left as published.

    The publisher converts tenths of feet by X = -x/10, Y = y/10 + 5.25; done twice, X = x/100, Y = y/100 + 5.775.
    """
    is_double = repair.is_in([_REPAIR_NAMES[10, 1], _REPAIR_NAMES[10, -1]])
    is_mirrored = repair.is_in([_REPAIR_NAMES[1, -1], _REPAIR_NAMES[10, -1]])
    sign = pl.when(is_mirrored).then(-1.0).otherwise(1.0)
    x1, y1 = _spot(1)
    x10, y10 = _spot(10)
    x_ft = pl.when(is_double).then(x10).otherwise(x1) * sign
    # Archives write -0.0 for "0 times -1": one spot, one value.
    return pl.when(x_ft == 0).then(0.0).otherwise(x_ft), pl.when(is_double).then(y10).otherwise(y1)


def _spot(scale: int) -> tuple[pl.Expr, pl.Expr]:
    once = pl.col("LOC_Y") - court.HOOP_FROM_BASELINE_FT
    if scale == 1:
        return pl.col("LOC_X"), once
    # Two decimals survive the double conversion; rounding removes the noise of multiplying by ten.
    return (pl.col("LOC_X") * 10).round(3), (once * 10 - court.HOOP_FROM_BASELINE_FT).round(3)


def _evidence_rows(raw: pl.DataFrame) -> pl.DataFrame:
    x, recorded = pl.col("LOC_X"), pl.col("SHOT_DISTANCE").cast(pl.Float64)
    side = pl.when(pl.col("ZONE_NAME").is_in(LEFT)).then(-1).when(pl.col("ZONE_NAME").is_in(RIGHT)).then(1)
    distances = {f"distance_{scale}": court.distance_ft(*_spot(scale)) for scale in _SCALES}
    return raw.select(
        "source_file",
        "GAME_ID",
        # A 64-bit mix of both coordinates: equal spots are equal, and modes of integers are cheap.
        spot=pl.when((x.abs() > 0.05) | ((pl.col("LOC_Y") - court.HOOP_FROM_BASELINE_FT).abs() > 0.05)).then(
            (x * 1000).round().cast(pl.Int64, strict=False) * 1_000_000
            + (pl.col("LOC_Y") * 1000).round().cast(pl.Int64, strict=False)
        ),
        recorded=recorded,
        side=side.cast(pl.Int8),
        published_side=x.sign().cast(pl.Int8, strict=False),
        **distances,
    )


def _summarise(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    side, sign = pl.col("side"), pl.col("published_side")
    far = pl.col("recorded") >= FAR_FT
    shared: dict[str, pl.Expr] = {
        "rows": pl.len(),
        "sided": side.count(),
        "side_kept": (side == sign).mean(),
        "side_flipped": (side == -sign).mean(),
        "spots": pl.col("spot").n_unique(),
        "spot_rows": pl.col("spot").count(),
    }
    for scale in _SCALES:
        distance = pl.col(f"distance_{scale}")
        near = ((distance - pl.col("recorded")).abs() <= DISTANCE_TOLERANCE_FT).fill_null(value=False)
        shared[f"agree_{scale}"] = near.mean()
        # The slope is taken over rows that agree: one wrong row must not sink its game.
        judged = far & near
        recorded = pl.col("recorded").filter(judged)
        shared[f"far_{scale}"] = judged.sum()
        shared[f"var_{scale}"] = recorded.var()
        shared[f"cov_{scale}"] = pl.cov(distance.filter(judged), recorded)
    return rows.group_by(by, maintain_order=True).agg(**shared)


def _proven_repair() -> pl.Expr:
    frozen = (pl.col("rows") >= MIN_ROWS) & (pl.col("spots") < (1 - MAX_ONE_SPOT_SHARE) * pl.col("spot_rows"))
    choices = [pl.when(frozen).then(pl.lit(UNPROVEN))]
    for (scale, sign), name in _REPAIR_NAMES.items():
        side_share = pl.col("side_kept" if sign == 1 else "side_flipped")
        proven = (pl.col(f"agree_{scale}") >= MIN_AGREEMENT) & (side_share >= MIN_AGREEMENT) & _has_unit_slope(scale)
        choices.append(pl.when(proven.fill_null(value=False)).then(pl.lit(name)))
    return pl.coalesce(*choices, pl.lit(UNPROVEN))


def _has_unit_slope(scale: int) -> pl.Expr:
    rows, variance = pl.col(f"far_{scale}"), pl.col(f"var_{scale}")
    slope = pl.col(f"cov_{scale}") / variance
    allowed = SLOPE_TOLERANCE + SLOPE_NOISE / (variance * rows).sqrt()
    too_few = (rows < MIN_ROWS) | (variance < 1)
    return (too_few | ((slope - 1).abs() <= allowed)).fill_null(value=False)
