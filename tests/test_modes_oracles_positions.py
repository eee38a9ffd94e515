"""Positions and their integrity beside rs1090 and pyModeS: a real flight, generated traffic, taxiing aircraft.

Neither reports NIC or a containment radius with a position; pyModeS has tables of them by type code and supplements.
"""

import numpy as np
import pytest

from squitters import airborne, said, squitter, status, surface
from testigos.modes import columns as c
from testigos.modes.decode import Settings, State, decode
from testigos.modes.encode import extended, surface_position
from testigos.sim.traffic import ORIGINS, traffic

rs1090 = pytest.importorskip("rs1090", reason="rs1090 is not installed")
pyModeS = pytest.importorskip("pyModeS", reason="pyModeS is not installed")


def places(payload, clock_ns, receiver=None):
    """Latitude and longitude of each message by us, rs1090 and pyModeS, (N, 2) each; NaN where it has none."""
    payload, stamps = np.asarray(payload, np.uint8), np.asarray(clock_ns) * 1e-9
    settings = Settings(*receiver) if receiver else Settings()
    ours = np.full((len(payload), 2), np.nan)
    size = np.full(len(payload), 14, np.uint8)
    for out, first, count in decode(payload.copy(), size, clock_ns, State.fresh(), settings):
        ours[first : first + count] = out.f64[[c.LAT_DEG, c.LON_DEG], :count].T
    frames = [row.tobytes().hex() for row in payload]
    pipe = pyModeS.PipeDecoder(surface_ref=receiver)
    python = [dict(pipe.decode(frame, timestamp=stamp)) for frame, stamp in zip(frames, stamps, strict=True)]
    # rs1090 leaves out messages that it does not read
    rust = {(one["timestamp"], one["frame"]): one for one in rs1090.decode(frames, stamps.tolist(), reference=receiver)}
    rust = [rust.get(key, {}) for key in zip(stamps.tolist(), frames, strict=True)]
    theirs = [
        np.array([[one.get(k, np.nan) for k in ("latitude", "longitude")] for one in known], np.float64)
        for known in (rust, python)
    ]
    return ours, *theirs


def equal(one, other):
    """Whether two places are the same, of each message; False where either is unknown."""
    apart = one - other
    apart[:, 1] = (apart[:, 1] + 180.0) % 360.0 - 180.0
    return (np.abs(apart) < 1e-6).all(1)


def test_every_position_of_a_real_flight_is_where_the_others_have_it(shared):
    rows = [line.split(",") for line in (shared / "beast" / "long_flight.csv").read_text().split() if line[0].isdigit()]
    squitters = [(float(s), bytes.fromhex(b[18:])) for s, b in rows if b[18:20] in ("8d", "8c", "8f") and len(b) == 46]
    clock_ns = np.array([round(s * 1e6) * 1000 for s, _ in squitters])
    ours, rust, python = places([list(raw) for _, raw in squitters], clock_ns)
    both = equal(rust, python)
    assert both.sum() > 10_000
    assert equal(ours, python)[both].all()
    # and where pyModeS alone has a position
    known = ~np.isnan(python[:, 0])
    assert equal(ours, python)[known].all()


def test_every_position_of_the_traffic_that_both_have_is_where_we_have_it():
    # aircraft that share an address are one aircraft for rs1090 and pyModeS
    world = traffic(300, 20.0)
    sent = (world.size == 14) & (world.payload[:, 0] >> 3 == 17) & ~world.shared[world.aircraft]
    ours, rust, python = places(world.payload[sent], world.time_ns[sent])
    both = equal(rust, python)
    assert equal(ours, python)[both].all()
    own = world.origin[sent] == ORIGINS.index("own")
    types = world.payload[sent, 4] >> 3
    assert (both & own & (types >= 9)).sum() > 5_000
    poles = np.abs(ours[:, 0]) > 80.0
    assert (both & poles).sum() > 100


@pytest.mark.parametrize(("lat", "lon"), [(52.31, 4.76), (-33.94, 151.18), (64.13, -21.94), (1.36, 103.99)])
def test_every_position_of_a_taxiing_aircraft_that_both_have_is_where_we_have_it(lat, lon):
    k = np.arange(200)
    me = surface_position(7, 40, 45.0, k % 2, lat + 2e-5 * k, lon + 3e-5 * k)
    clock_ns = 10**18 + k * 500_000_000
    ours, rust, python = places(extended(me, 0x406B90, code=4), clock_ns, (lat + 0.3, lon - 0.4))
    both = equal(rust, python)
    assert both.sum() > 190
    assert np.isnan(ours[0]).all()  # they take the receiver for where the aircraft is; we wait for a pair
    assert equal(ours, python)[1:][both[1:]].all()


#: pyModeS's radii in whole metres, and what they are; its 14,008 m of NIC 2 is a slip: 8 NM are 14,816 m.
ROUGH = {14_008: 14_816, 37_000: 37_040, 3_702: 3_704, 185: 185.2, 370: 370.4, 556: 555.6, 1_111: 1_111.2}


def _radius(known):
    return ROUGH.get(known["Rc"], known["Rc"])


@pytest.mark.parametrize("tc", [*range(5, 19), 20, 21, 22])
@pytest.mark.parametrize(("a", "other"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_integrity_of_version_2_is_that_of_the_tables_of_pymodes(tc, a, other):
    tables = pytest.importorskip("pyModeS._uncertainty")
    before = status(2, surface=1, cc=other << 4, nic_a=a) if tc < 9 else status(2, nic_a=a)
    known = said(surface(tc) if tc < 9 else airborne(tc, supplement=other), after=[before])
    nic = tables.TC_NICv2_lookup[tc]
    divided = isinstance(nic, dict)
    if divided and 2 * a + other not in nic:  # no pair of the standard: the worst of the type
        assert known["nic"] == min(nic.values())
        return
    nic = nic[2 * a + other] if divided else nic
    assert known["nic"] == nic
    radii = tables.NICv2[nic]
    if tc == 13 and (a, other) == (1, 0):  # no pair of the standard either, which pyModeS has as 0.3 NM
        assert known["rc_m"] == pytest.approx(1_111.2)
    else:
        # its pairs of NIC 6 are those of the air: those of the ground (TC 8) are given here (DO-260B table 2-14)
        expected = radii[2 * a + other if nic in (3, 6, 9) or (nic == 7 and divided) else 0]
        if tc == 8 and nic == 6:
            expected = {"Rc": 555.6 if a else 1_111.2}
        assert known.get("rc_m") == (None if expected["Rc"] is None else pytest.approx(_radius(expected)))


@pytest.mark.parametrize("tc", [t for t in (*range(5, 19), 20, 21, 22) if t != 8])
def test_the_radius_of_version_0_is_the_protection_limit_of_the_category_that_both_have(tc):
    # TC 8 of version 0 is more than 0.1 NM or unknown (DO-260 table 2-11): no radius; pyModeS gives it NUCp 6
    tables = pytest.importorskip("pyModeS._uncertainty")
    nuc_p = tables.TC_NUCp_lookup[tc]
    me = surface(tc) if tc < 9 else airborne(tc)
    assert rs1090.decode(squitter(0x406B90, me).hex())["NUCp"] == nuc_p
    limit = tables.NUCp[nuc_p]["HPL"]
    known = said(me, after=[status(0)])
    assert known.get("rc_m") == (None if limit is None else pytest.approx(ROUGH.get(limit, limit)))
