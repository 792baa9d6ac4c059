"""Shapes of houses within a lot, in a frame whose depth is counted from the street inwards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.sample_city.ground import Line, Point, Ring, whole

Place = tuple[float, float]  # along the front and depth behind it, metres


@dataclass(frozen=True)
class Frame:
    """A convex lot seen from its front: of each corner the way along the front and the depth, metres."""

    line: Line
    ways: NDArray[np.float64]
    depths: NDArray[np.float64]

    def to_ground(self, place: Place) -> Point:
        """``place`` as easting and northing, whole centimetres."""
        return whole(self.line.at(place[0] * 100, place[1] * 100))


def frame(ring: Ring, line: Line) -> Frame:
    """See ``ring`` from ``line``, which has it on its left."""
    ways = np.array([line.way(corner) for corner, _ in ring]) / 100
    depths = np.array([line.height(corner) for corner, _ in ring]) / 100
    return Frame(line, ways, depths)


def span_at(lot: Frame, depth: float) -> Place | None:
    """From where to where along the front the lot reaches at ``depth``, metres; None where it does not."""
    after_ways, after_depths = np.roll(lot.ways, -1), np.roll(lot.depths, -1)
    crossed = (lot.depths <= depth) != (after_depths <= depth)
    if not crossed.any():
        return None
    rise = after_depths[crossed] - lot.depths[crossed]
    shares = (depth - lot.depths[crossed]) / rise
    ways = lot.ways[crossed] + shares * (after_ways[crossed] - lot.ways[crossed])
    return float(ways.min()), float(ways.max())


def width_at(lot: Frame, depth: float) -> float:
    """Width of the lot at ``depth``, metres."""
    span = span_at(lot, depth)
    return span[1] - span[0] if span else 0.0


def room(lot: Frame, near: float, far: float, margin: float) -> Place | None:
    """The widest stretch along the front that is inside the lot between two depths, less margins."""
    corners = lot.depths[(lot.depths > near) & (lot.depths < far)]
    spans = [span_at(lot, float(depth)) for depth in (near, far, *corners)]
    found = [span for span in spans if span]
    if len(found) < len(spans):
        return None
    return max(start for start, _ in found) + margin, min(end for _, end in found) - margin
