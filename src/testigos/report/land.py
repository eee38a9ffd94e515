"""The land that a map shows: whole coast polygons, cut to the box and thinned to what a pixel can show."""

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.report.view import View

__all__ = ["LAND", "CoastPolygons", "empty", "land"]

Floats = npt.NDArray[np.float64]

#: Columns of a map's land: number of the map, of the ring in it, and its vertices.
LAND: Final = {"map": pl.UInt8, "ring": pl.UInt32, "lat_deg": pl.Float64, "lon_deg": pl.Float64}
_PIXEL: Final = 0.5  # detail finer than this is not drawn
_MARGIN: Final = 0.08  # of the box, so that the cut edges lie outside of what is seen


class CoastPolygons(Protocol):
    """What is needed of :class:`testigos.world.coast.Coast`."""

    @property
    def vertices(self) -> npt.NDArray[np.float32]:
        """(n, 2) longitude and latitude in degrees."""

    @property
    def polygons(self) -> pl.DataFrame:
        """``first``, ``count``, ``west``, ``south``, ``east``, ``north``, ``shift_lat_deg``, ``shift_lon_deg``."""


def empty() -> pl.DataFrame:
    """No land."""
    return pl.DataFrame(schema=LAND)


def _cut(x: Floats, y: Floats, edge: float, keep_above: bool) -> tuple[Floats, Floats]:
    """The part of a closed ring with x above (or below) an edge: Sutherland and Hodgman, one side of it.

    Source: I. Sutherland, G. Hodgman, "Reentrant polygon clipping", CACM 17 (1974).
    """
    if len(x) == 0:
        return x, y
    inside = x >= edge if keep_above else x <= edge
    if inside.all():
        return x, y
    if not inside.any():
        return x[:0], y[:0]
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    crosses = inside != np.roll(inside, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (edge - x) / (next_x - x)
    # each vertex gives itself where inside, then the crossing of its edge where there is one
    out_x = np.column_stack([x, np.where(crosses, edge, 0.0)]).ravel()
    out_y = np.column_stack([y, np.where(crosses, y + np.where(crosses, t, 0.0) * (next_y - y), 0.0)]).ravel()
    wanted = np.column_stack([inside, crosses]).ravel()
    return out_x[wanted], out_y[wanted]


def _thin(x: Floats, y: Floats, step_x: float, step_y: float) -> npt.NDArray[np.intp]:
    """Which vertices remain when those in the same cell as the one before are left out."""
    cx, cy = np.floor(x / step_x), np.floor(y / step_y)
    moved = np.ones(len(x), bool)
    moved[1:] = (np.diff(cx) != 0) | (np.diff(cy) != 0)
    return np.flatnonzero(moved)


def land(coast: CoastPolygons, view: View, number: int) -> pl.DataFrame:
    """The land in a view as rings, for map ``number``; columns :data:`LAND`, degrees to 1e-5.

    An islet smaller than a pixel stays, as a ring of one vertex; of several in one pixel, one.
    """
    wide, tall = view.east - view.west, view.north - view.south
    west, east = view.west - _MARGIN * wide, view.east + _MARGIN * wide
    south, north = view.south - _MARGIN * tall, view.north + _MARGIN * tall
    step_y = _PIXEL / view.scale
    step_x = step_y / view.cos_lat
    rings: list[tuple[Floats, Floats]] = []
    near = coast.polygons.filter((pl.col("south") <= north) & (pl.col("north") >= south))
    small = (pl.col("north") - pl.col("south") < 2 * step_y) & (pl.col("east") - pl.col("west") < 2 * step_x)
    for turn in (-360.0, 0.0, 360.0):
        here = near.filter((pl.col("west") + turn <= east) & (pl.col("east") + turn >= west))
        dots = here.filter(small).select(
            lat=(pl.col("south") + pl.col("north")) / 2 + pl.col("shift_lat_deg"),
            lon=(pl.col("west") + pl.col("east")) / 2 + pl.col("shift_lon_deg") + turn,
        )
        cells = dots.group_by(
            (pl.col("lat") / (2 * step_y)).floor().alias("row"),
            (pl.col("lon") / (2 * step_x)).floor().alias("column"),
            maintain_order=True,
        ).first()
        rings += [
            (np.array([x]), np.array([y])) for x, y in zip(cells["lon"].to_list(), cells["lat"].to_list(), strict=True)
        ]
        for row in here.filter(~small).iter_rows(named=True):
            piece = coast.vertices[row["first"] : row["first"] + row["count"]].astype(np.float64)
            x, y = piece[:, 0] + (row["shift_lon_deg"] + turn), piece[:, 1] + row["shift_lat_deg"]
            x, y = _cut(x, y, west, True)
            x, y = _cut(x, y, east, False)
            y, x = _cut(y, x, south, True)
            y, x = _cut(y, x, north, False)
            if len(x):
                keep = _thin(x, y, step_x, step_y)
                rings.append((x[keep], y[keep]))
    if not rings:
        return empty()
    counts = [len(x) for x, _ in rings]
    columns = {
        "map": np.full(sum(counts), number, np.uint8),
        "ring": np.repeat(np.arange(len(rings), dtype=np.uint32), counts),
        "lat_deg": np.concatenate([y for _, y in rings]).round(5),
        "lon_deg": np.concatenate([x for x, _ in rings]).round(5),
    }
    return pl.DataFrame(columns, schema=LAND)
