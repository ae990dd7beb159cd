"""Points on the globe in whole microdegrees, and the one distance between two of them that the policy compares."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from shared.errors import Invalid

MICRODEGREES = 1_000_000
EARTH_RADIUS_METRES = 6_371_009
"""The mean radius of the Earth (IUGG) in whole metres."""


class BadPosition(Invalid):
    """A latitude or longitude outside the globe. Parameter: field."""

    code = "request/bad-position"
    title = "This is not a point on the globe."


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A point; latitude -90 to 90 degrees, longitude -180 to 180 degrees, both in microdegrees (10 cm or better)."""

    latitude_microdegrees: int
    longitude_microdegrees: int

    def __post_init__(self) -> None:
        if abs(self.latitude_microdegrees) > 90 * MICRODEGREES:
            raise BadPosition(field="latitude_microdegrees")
        if abs(self.longitude_microdegrees) > 180 * MICRODEGREES:
            raise BadPosition(field="longitude_microdegrees")


def distance_metres(a: Position, b: Position) -> int:
    """The great-circle distance in whole metres (rule vis8).

    Floats exist inside this function alone (rule sh3). Two machines may round a borderline case differently, which is
    why the result is computed once and stored in the verdict's inputs: a replay compares the stored integers.
    """
    north_a, north_b = (radians(point.latitude_microdegrees / MICRODEGREES) for point in (a, b))
    east_a, east_b = (radians(point.longitude_microdegrees / MICRODEGREES) for point in (a, b))
    half_chord = sin((north_b - north_a) / 2) ** 2 + cos(north_a) * cos(north_b) * sin((east_b - east_a) / 2) ** 2
    return round(2 * EARTH_RADIUS_METRES * asin(sqrt(min(1.0, half_chord))))
