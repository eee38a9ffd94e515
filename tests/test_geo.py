"""Geodesics against Karney's GeographicLib, an independent implementation of another method."""

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos import geo

LAT = st.floats(-90, 90, allow_nan=False)
LON = st.floats(-180, 180, allow_nan=False)


@settings(max_examples=400, deadline=None)
@given(LAT, LON, LAT, LON)
def test_distance_agrees_with_geographiclib_to_a_tenth_of_a_millimetre_or_5_cm_near_the_antipode(
    lat1, lon1, lat2, lon2
):
    expected = Geodesic.WGS84.Inverse(lat1, lon1, lat2, lon2)["s12"]
    assert float(geo.distance_m(lat1, lon1, lat2, lon2)) == pytest.approx(
        expected, abs=1e-4 if expected < 1.99e7 else 0.05
    )


@settings(max_examples=100, deadline=None)
@given(LAT, LON, st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))
def test_nearly_antipodal_points_still_get_a_distance(lat, lon, dlat, dlon):
    lat2 = float(np.clip(-lat + dlat, -90, 90))
    lon2 = (lon + 360 + dlon) % 360 - 180
    expected = Geodesic.WGS84.Inverse(lat, lon, lat2, lon2)["s12"]
    assert float(geo.distance_m(lat, lon, lat2, lon2)) == pytest.approx(expected, abs=0.05)


@settings(max_examples=300, deadline=None)
@given(LAT, LON, st.floats(0, 360), st.floats(0, 1.9e7))
def test_destination_agrees_with_geographiclib(lat, lon, azimuth, distance):
    lat2, lon2 = geo.destination(lat, lon, azimuth, distance)
    expected = Geodesic.WGS84.Direct(lat, lon, azimuth, distance)
    off = Geodesic.WGS84.Inverse(float(lat2), float(lon2), expected["lat2"], expected["lon2"])["s12"]
    assert off < 1e-3


@settings(max_examples=200, deadline=None)
@given(st.floats(-89, 89), LON, st.floats(0, 359.9), st.floats(1.0, 1.5e7))
def test_azimuth_and_distance_lead_back_to_the_point(lat, lon, azimuth, distance):
    lat2, lon2 = geo.destination(lat, lon, azimuth, distance)
    s, azi1, _ = geo.inverse_arrays(lat, lon, lat2, lon2)
    lat3, lon3 = geo.destination(lat, lon, azi1, s)
    assert Geodesic.WGS84.Inverse(float(lat2), float(lon2), float(lat3), float(lon3))["s12"] < 1e-2


def test_arrays_broadcast():
    assert geo.distance_m([0.0, 1.0], 0.0, 0.0, [[0.0], [1.0]]).shape == (2, 2)
