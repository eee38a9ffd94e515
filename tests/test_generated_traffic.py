"""The traffic of a world, heard by three receivers, decoded from their bytes and held against the truth.

With ``TESTIGOS_TRAFFIC=full`` it is 10,000 aircraft for a minute; else some hundreds.
"""

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pytest

from testigos import geo
from testigos.links import beast
from testigos.links._modes import Options
from testigos.modes.encode import cpr_zones
from testigos.schema import ALL, STATUSES
from testigos.sim.receivers import DAMAGE, Heard, heard
from testigos.sim.traffic import KINDS, ORIGINS, START_NS, Truth, traffic

FULL = os.environ.get("TESTIGOS_TRAFFIC") == "full"
AIRCRAFT, SECONDS = (10_000, 60.0) if FULL else (400, 30.0)
PIECE = 1 << 22

#: What the tests need of a row.
NUMBERS = (
    *("lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm"),
    *("tas_kt", "ias_kt", "heading_mag_deg", "nic", "nac_p", "nac_v", "sil", "sda", "gva", "adsb_version", "time_ns"),
    *("df", "address", "bds", "roll_deg", "track_rate_degps", "mach", "selected_alt_mcp_ft", "qnh_hpa", "cpr_odd"),
    *("nic_baro", "sil_supplement", "geom_minus_baro_ft", "repaired_bit"),
)
TEXTS = ("object_id", "callsign", "squawk", "category", "source")


@dataclass
class Read:
    """All rows of all receivers: a table, and of each row its frame in the truth and the damage done to it."""

    world: Truth
    rows: pl.DataFrame
    frame: np.ndarray
    damage: np.ndarray
    receiver: np.ndarray
    arrival_ns: np.ndarray

    @cached_property
    def status(self) -> np.ndarray:
        return self.rows["status"].to_physical().to_numpy()

    def number(self, name: str, which: np.ndarray) -> np.ndarray:
        """A column as numbers, NaN where null."""
        return self.rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()[which]

    def texts(self, name: str, which: np.ndarray) -> np.ndarray:
        return self.rows[name].to_numpy()[which]

    def whole(self, *kinds: str, origin: str | None = "own") -> np.ndarray:
        """Rows of undamaged frames of some kinds."""
        chosen = (self.damage == 0) & np.isin(self.world.kind[self.frame], [KINDS.index(k) for k in kinds])
        if origin is not None:
            chosen &= self.world.origin[self.frame] == ORIGINS.index(origin)
        return np.flatnonzero(chosen)

    def aircraft(self, which: np.ndarray) -> np.ndarray:
        return self.world.aircraft[self.frame[which]]

    def apart_m(self, which: np.ndarray) -> np.ndarray:
        """Metres between what was decoded and what was encoded."""
        f = self.frame[which]
        lat, lon = self.number("lat_deg", which), self.number("lon_deg", which)
        return geo.distance_m(lat, lon, self.world.lat_deg[f], self.world.lon_deg[f])


def _rows(one: Heard) -> tuple[pl.DataFrame, np.ndarray]:
    """Rows of a receiver's bytes, read in pieces, and the offset of each."""
    link = beast.configured(Options(began_ns=int(one.arrival_ns[0])))
    parts, rest, base, carry = [], b"", 0, None
    for at in range(0, len(one.data), PIECE):
        buffer = rest + one.data[at : at + PIECE]
        frames, rest = link.split(buffer, at + PIECE >= len(one.data))
        table, carry = link.decode(frames, carry)
        missing = [pl.lit(None, ALL[n].dtype).alias(n) for n in (*NUMBERS, *TEXTS) if n not in table.columns]
        assert not [m for m in missing if m.meta.output_name() in link.GIVES]
        parts.append(
            table.with_columns(*missing).select("status", *NUMBERS, *TEXTS, (pl.col("offset") + base).alias("at"))
        )
        base += len(buffer) - len(rest)
    assert rest == b""
    made = pl.concat(parts)
    return made.drop("at"), made["at"].to_numpy()


@pytest.fixture(scope="module")
def read() -> Read:
    world = traffic(AIRCRAFT, SECONDS)
    rows, frame, damage, receiver, arrival = [], [], [], [], []
    for k, one in enumerate(heard(world, 3)):
        table, at = _rows(one)
        which = one.frame_at(at)
        # each frame heard makes one row at least; what is left of two damaged neighbours may be one
        lost = np.setdiff1d(np.arange(len(one.frame)), which)
        assert (one.damage[lost] > 0).all()
        assert (one.damage[lost - 1] > 0).all()
        rows.append(table)
        frame.append(one.frame[which])
        damage.append(one.damage[which])
        receiver.append(np.full(len(which), k))
        arrival.append(one.arrival_ns[which])
    return Read(world, pl.concat(rows), *(np.concatenate(x) for x in (frame, damage, receiver, arrival)))


def _is(read: Read, which: np.ndarray, *names: str) -> np.ndarray:
    return np.isin(read.status[which], [STATUSES.index(n) for n in names])


# Frames


def test_every_undamaged_frame_is_one_row_of_its_format(read):
    whole = np.flatnonzero(read.damage == 0)
    pairs = read.frame[whole].astype(np.int64) * 4 + read.receiver[whole]
    assert len(np.unique(pairs)) == len(pairs)
    sent = read.world.payload[read.frame[whole], 0] >> 3
    long = read.world.size[read.frame[whole]] > 2
    assert np.array_equal(read.number("df", whole)[long], sent[long])
    assert np.isnan(read.number("df", whole)[~long]).all()
    assert not _is(read, whole, "malformed", "parity_failed", "no_time", "out_of_range").any()


def test_aircraft_keep_their_names_and_unassigned_addresses_are_anonymous(read):
    for origin, prefix in (("own", None), ("tisb", "icao"), ("tisb_anonymous", "anon"), ("adsr", "icao")):
        which = read.whole("position", "velocity", "identification", "status", origin=origin)
        a = read.aircraft(which)
        number = read.world.fleet.address[a].astype(np.int64) + (0x1000 if origin == "tisb_anonymous" else 0)
        assert np.array_equal(read.number("address", which), number)
        other = read.world.anonymous[a] if prefix is None else np.full(len(a), prefix == "anon")
        names = read.texts("object_id", which)
        for k in range(0, len(which), max(len(which) // 2_000, 1)):
            assert names[k] == f"{'anon' if other[k] else 'icao'}:{number[k]:06x}"
        source = {"own": "adsb", "adsr": "adsr"}.get(origin, "tisb")
        assert set(read.texts("source", which)) == {source}


def test_an_implied_address_is_believed_once_it_was_announced(read):
    which = read.whole("df0", "df4", "df5", "df16", "bds20", "bds40", "bds50", "bds60")
    assert np.array_equal(read.number("address", which), read.world.fleet.address[read.aircraft(which)])
    late = read.world.time_ns[read.frame[which]] > START_NS + 8_000_000_000
    assert _is(read, which[late], "no_position").mean() > 0.999
    assert _is(read, which, "no_position", "unconfirmed").all()


def test_damaged_frames_are_never_taken_for_whole_ones(read):
    hurt = np.flatnonzero(read.damage > 0)
    assert not _is(read, hurt, "ok", "ambiguous", "unreachable").any()
    cut = np.flatnonzero(np.isin(read.damage, [DAMAGE.index("tail"), DAMAGE.index("head")]))
    # a frame that lost its end and a neighbour that lost its beginning can look like one with wrong parity
    assert _is(read, cut, "malformed").mean() > 0.99
    wrong = np.flatnonzero(np.isin(read.damage, [DAMAGE.index("bits"), DAMAGE.index("burst")]))
    df = read.number("df", wrong)
    squitter = np.isin(df, [17, 18])
    assert squitter.sum() > 100
    assert _is(read, wrong[squitter], "parity_failed").all()
    # other formats have no parity of their own: nobody has announced the address that damage makes
    implied = np.isin(df, [0, 4, 5, 16, 20, 21, 24])
    assert _is(read, wrong[implied], "unconfirmed", "malformed").mean() > 0.999
    assert np.isnan(read.number("repaired_bit", wrong)).all()


def test_times_are_right_through_drift_wrap_and_restart(read):
    off = np.abs(read.number("time_ns", np.flatnonzero(read.damage == 0)) - read.arrival_ns[read.damage == 0])
    # 20 millionths of the time passed; a restart forgets the pause since the frame before it
    assert np.nanmax(off) < 20e-6 * SECONDS * 1e9 + 20e6


# Positions


def test_accepted_positions_are_within_half_a_step_and_none_is_wrong(read):
    which = read.whole("position", origin=None)
    which = which[_is(read, which, "ok")]
    assert len(which) > 0.5 * len(read.whole("position", origin=None))
    f = read.frame[which]
    surface = np.isin(read.world.payload[f, 4] >> 3, [5, 6, 7, 8])
    odd = (read.world.payload[f, 6] >> 2) & 1
    steps = np.where(surface, 2.0**19, 2.0**17)
    lat, lon = read.number("lat_deg", which), read.number("lon_deg", which)
    half_lat = 180.0 / (60 - odd) / steps
    half_lon = 180.0 / np.maximum(cpr_zones(lat) - odd, 1) / steps
    assert (np.abs(lat - read.world.lat_deg[f]) <= half_lat * 1.0001).all()
    assert (np.abs((lon - read.world.lon_deg[f] + 180.0) % 360.0 - 180.0) <= half_lon * 1.0001).all()
    assert read.apart_m(which).max() < 100.0


def test_honest_aircraft_in_the_air_are_refused_only_until_they_are_confirmed(read):
    which = read.whole("position")
    a = read.aircraft(which)
    f = read.world.fleet
    flying = np.isinf(f.air_from_s) & (f.air_from_s < 0) & np.isinf(f.air_until_s)
    plain = flying & ~read.world.shared & ~read.world.spoofed
    which, a = which[plain[a]], a[plain[a]]
    assert _is(read, which, "ok", "ambiguous").all()
    late = read.world.time_ns[read.frame[which]] > START_NS + 6_000_000_000
    assert _is(read, which[late], "ok").mean() > 0.999


def test_positions_on_the_ground_are_ambiguous_where_nothing_says_which_quarter_of_the_world(read):
    which = read.whole("position")
    a = read.aircraft(which)
    which = which[np.isinf(read.world.fleet.air_from_s[a]) & (read.world.fleet.air_from_s[a] > 0)]
    assert len(which) > 100
    assert _is(read, which, "ambiguous").all()
    assert np.isnan(read.number("lat_deg", which)).all()


def test_an_aircraft_that_has_landed_is_followed_on_the_ground(read):
    which = read.whole("position")
    a = read.aircraft(which)
    seconds = (read.world.time_ns[read.frame[which]] - START_NS) * 1e-9
    which = which[(seconds > read.world.fleet.air_until_s[a]) & (seconds > 6.0)]
    assert len(which) > 50
    assert _is(read, which, "ok").mean() > 0.99


def test_positions_of_a_teleporting_spoofer_are_refused_as_unreachable(read):
    which = read.whole("position", origin="teleport")
    assert len(which) > 50
    assert _is(read, which, "unreachable").all()
    # they are kept, so that the spoofer can be found: as sent, but for the first ones, which had no pair yet
    assert (read.apart_m(which) < 100.0).mean() > 0.8


def test_once_a_slow_spoofer_and_its_victim_are_apart_one_of_them_is_refused(read):
    which = np.concatenate([read.whole("position", origin="drag"), read.whole("position")])
    late = read.world.time_ns[read.frame[which]] > START_NS + (SECONDS / 3.0 + 15.0) * 1e9  # 2,250 m apart
    which = which[late & read.world.spoofed[read.aircraft(which)]]
    spoofed = read.world.origin[read.frame[which]] == ORIGINS.index("drag")
    accepted = _is(read, which, "ok")
    assert (accepted | _is(read, which, "unreachable", "ambiguous")).all()
    key = read.aircraft(which).astype(np.int64) * 4 + read.receiver[which]
    victims = np.unique(key[spoofed])
    assert len(victims) >= 3
    shares = np.array([[accepted[(key == k) & (spoofed == who)].mean() for who in (False, True)] for k in victims])
    # one is believed and the other is not; which one no position can tell
    assert (shares.min(1) < 0.1).all()
    assert (shares.max(1) > 0.9).all()


def test_two_aircraft_with_one_address_are_not_mixed(read):
    which = read.whole("position")
    which = which[read.world.shared[read.aircraft(which)]]
    accepted = which[_is(read, which, "ok")]
    assert len(accepted) > 0.2 * len(which)
    assert read.apart_m(accepted).max() < 100.0
    assert _is(read, which, "ok", "unreachable", "ambiguous").all()


# Values


def _step(world: Truth, aircraft: np.ndarray, alt_ft: np.ndarray) -> np.ndarray:
    return np.where(world.fleet.gillham[aircraft] | (alt_ft > 50_187.5), 100.0, 25.0)


def test_altitudes_equal_the_truth_to_half_a_step(read):
    which = read.whole("position", "df0", "df4", "df16", "bds10", "bds40", "bds50")
    a, flight = read.aircraft(which), read.world.flight(read.frame[which])
    f = read.world.fleet
    position = read.world.kind[read.frame[which]] == 0
    baro = ~f.geometric_only[a] & ~(position & flight.on_ground)
    off = np.abs(read.number("alt_baro_ft", which) - flight.alt_baro_ft)
    assert (off[baro] <= 0.5 * _step(read.world, a, flight.alt_baro_ft)[baro] + 1e-2).all()
    geometric = f.geometric_only[a] & position
    height = flight.alt_baro_ft + f.geom_minus_baro_ft[a]
    off = np.abs(read.number("alt_geom_ft", which) - height)
    assert geometric.any()
    assert (off[geometric] <= 0.5 * _step(read.world, a, height)[geometric] + 1e-2).all()
    assert np.isnan(read.number("alt_baro_ft", which)[f.geometric_only[a]]).all()


def test_velocities_equal_the_truth_to_half_a_step(read):
    which = np.concatenate([read.whole("velocity"), read.whole("velocity", origin="adsr")])
    a, flight = read.aircraft(which), read.world.flight(read.frame[which])
    f = read.world.fleet
    step = np.where(f.supersonic[a], 4.0, 1.0)
    ground = ~f.airspeed_only[a]
    gs, track = read.number("gs_kt", which), np.radians(read.number("track_deg", which))
    assert not np.isnan(gs[ground]).any()
    # the direction of no movement is null
    still = gs == 0.0
    for turn in (np.sin, np.cos):
        off = np.abs(np.where(still, 0.0, gs * turn(track)) - flight.gs_kt * turn(np.radians(flight.track_deg)))
        assert (off[ground] <= 0.5 * step[ground] + 1e-3).all()
    rate = np.where(f.geometric_rate[a], read.number("vrate_geom_fpm", which), read.number("vrate_fpm", which))
    assert (np.abs(rate - flight.vrate_fpm) <= 32.0).all()
    assert np.array_equal(read.number("geom_minus_baro_ft", which), f.geom_minus_baro_ft[a])
    air = f.air(a, flight)
    said = np.where(a % 2 == 0, read.number("tas_kt", which), read.number("ias_kt", which))
    assert (~ground).any()
    assert (np.abs(said - np.where(a % 2 == 0, air.tas_kt, air.ias_kt))[~ground] <= 0.5 + 1e-3).all()


def test_movement_on_the_ground_equals_the_truth_to_a_step(read):
    which = read.whole("position")
    flight = read.world.flight(read.frame[which])
    which, flight = which[flight.on_ground], flight.where(flight.on_ground)
    gs = flight.gs_kt
    step = np.select([gs < 2, gs < 15, gs < 70, gs < 100], [0.25, 0.5, 1.0, 2.0], 5.0)
    off = np.abs(read.number("gs_kt", which) - gs)
    assert (off <= step + 1e-3).all()
    turned = np.abs((read.number("track_deg", which) - flight.track_deg + 180.0) % 360.0 - 180.0)
    assert (turned[gs > 0.0] <= 180.0 / 128 + 1e-3).all()


def test_call_signs_squawks_and_categories_equal_the_truth(read):
    f = read.world.fleet
    which = read.whole("identification", "bds20")
    a = read.aircraft(which)
    assert (read.texts("callsign", which) == f.callsign[a].astype(object)).all()
    which = read.whole("identification")
    names = np.array([f"{'ABCD'[c >> 3]}{c & 7}" for c in range(32)], object)
    assert (read.texts("category", which) == names[f.category[read.aircraft(which)]]).all()
    which = read.whole("emergency", "df5", "bds60", "mode_a")
    octal = np.array([format(s, "04o") for s in range(4096)], object)
    squawk = f.squawk[read.aircraft(which)]
    # in TC 28 a code of zero is one that nobody set: the field was reserved in version 1
    unset = (squawk == 0) & (read.world.kind[read.frame[which]] == KINDS.index("emergency"))
    assert (read.texts("squawk", which) == octal[squawk])[~unset].all()


def test_quality_equals_the_truth(read):
    f = read.world.fleet
    which = read.whole("status")
    a, ground = read.aircraft(which), read.world.flight(read.frame[which]).on_ground
    new = f.version[a] == 2
    for name, truth, where in (
        ("adsb_version", f.version[a], new | ~new),
        ("sil", f.sil[a], new | ~new),
        ("sda", f.sda[a], new),
        ("gva", f.gva[a], new & ~ground),
        ("nic_baro", f.nic_baro[a], ~ground),
        ("sil_supplement", f.sil_supplement[a], new),
    ):
        assert np.array_equal(read.number(name, which)[where], truth[where]), name
    which = read.whole("velocity")
    a = read.aircraft(which)
    assert np.array_equal(read.number("nac_v", which), f.nac_v[a])


def test_nic_equals_the_truth_once_the_status_was_heard(read):
    which = read.whole("position")
    a, seconds = read.aircraft(which), (read.world.time_ns[read.frame[which]] - START_NS) * 1e-9
    f = read.world.fleet
    # a receiver that loses every seventh frame has heard a status after some of them; one that changes from air to
    # ground says a new one within 2.6 s, and until then the supplements are those of the other kind
    change = np.minimum(np.abs(seconds - f.air_until_s[a]), np.abs(seconds - f.air_from_s[a]))
    settled = (seconds > 15.0) & (change > 15.0)
    plain = (f.version[a] > 0) & ~f.geometric_only[a] & ~read.world.shared[a] & settled
    which = which[plain]
    assert len(which) > 1_000
    right = read.number("nic", which) == read.world.nic(read.frame[which])
    assert right.mean() > 0.999
    assert (read.number("nic", which) <= read.world.nic(read.frame[which])).all()


def test_comm_b_registers_are_recognised_and_equal_the_truth(read):
    f = read.world.fleet
    for name in ("bds10", "bds17", "bds20", "bds40", "bds50", "bds60"):
        which = read.whole(name)
        found = read.number("bds", which)
        known = ~np.isnan(found)
        assert (found[known] == int(name[3:], 16)).mean() >= 0.995, name
        assert known.mean() > 0.95, name
        good = which[found == int(name[3:], 16)]
        flight = read.world.flight(read.frame[good])
        a = read.aircraft(good)
        air = f.air(a, flight)
        if name == "bds40":
            assert (np.abs(read.number("selected_alt_mcp_ft", good) - f.selected_alt_ft[a]) <= 8.0).all()
            assert (np.abs(read.number("qnh_hpa", good) - f.qnh_hpa[a]) <= 0.051).all()
        elif name == "bds50":
            for column, truth, step in (
                ("roll_deg", air.roll_deg, 45 / 256), ("gs_kt", flight.gs_kt, 2.0), ("tas_kt", air.tas_kt, 2.0),
                ("track_rate_degps", flight.turn_degps, 8 / 256),
            ):  # fmt: skip
                off = np.abs(read.number(column, good) - truth)
                assert (off[~np.isnan(off)] <= step / 2 + 1e-3).all(), column
        elif name == "bds60":
            for column, truth, step in (("ias_kt", air.ias_kt, 1.0), ("mach", air.mach, 0.004)):
                off = np.abs(read.number(column, good) - truth)
                assert (off[~np.isnan(off)] <= step / 2 + 1e-4).all(), column
            turned = np.abs((read.number("heading_mag_deg", good) - air.heading_mag_deg + 180.0) % 360.0 - 180.0)
            assert (turned <= 45 / 512 + 1e-3).all()
