"""The encoder of Mode S, the traffic made with it, and the bytes of its receivers, against foreign decoders.

rs1090 (MIT) and pyModeS are oracles of the tests alone. Published frames are named with their source.
"""

import numpy as np
import pytest

from testigos import geo
from testigos.modes import encode as e
from testigos.modes import encode_commb as register
from testigos.sim.fleet import GROUPS, fleet
from testigos.sim.receivers import DAMAGE, TICKS_PER_S, heard
from testigos.sim.traffic import KINDS, ORIGINS, START_NS, Truth, traffic

rs1090 = pytest.importorskip("rs1090")
pyModeS = pytest.importorskip("pyModeS")


@pytest.fixture(scope="module")
def world() -> Truth:
    return traffic(300, 12.0)


@pytest.fixture(scope="module")
def said(world: Truth):
    """What the oracles read in each frame of the traffic: lists of records of rs1090 and of pyModeS."""
    texts = [p[:n].tobytes().hex() for p, n in zip(world.payload, world.size, strict=True)]
    return (
        [rs1090.decode(t) if len(t) > 4 else None for t in texts],
        [pyModeS.decode(t) if len(t) > 4 else None for t in texts],
    )


def _own(world: Truth, *kinds: str) -> np.ndarray:
    return np.flatnonzero(np.isin(world.kind, [KINDS.index(k) for k in kinds]) & (world.origin == 0))


def _remainder(message: bytes) -> int:
    """Annex 10 volume IV 3.1.2.3.3: long division of a whole message, one bit at a time."""
    number = int.from_bytes(message, "big")
    for bit in range(len(message) * 8 - 1, 23, -1):
        if number >> bit & 1:
            number ^= 0x1FFF409 << (bit - 24)
    return number


def _hex(payload: np.ndarray, size: int = 14) -> str:
    return payload[0, :size].tobytes().hex().upper()


# Published frames, bit for bit. Source of all: J. Sun, "The 1090 Megahertz Riddle" (2nd edition, 2021), mode-s.org.


def test_identification_of_the_published_example_is_encoded_bit_for_bit():
    me = e.identification(0, e.callsign48(["KLM1023"]))
    assert _hex(e.extended(me, 0x4840D6)) == "8D4840D6202CC371C32CE0576098"


@pytest.mark.parametrize(("frame", "odd"), [("8D40621D58C382D690C8AC2863A7", 0), ("8D40621D58C386435CC412692AD6", 1)])
def test_the_published_pair_of_positions_is_encoded_bit_for_bit(frame, odd):
    # the place the book gives is that of the even message; the odd one was sent from a little further on
    lat, lon = (52.25720, 3.91937) if odd == 0 else (52.26578, 3.93891)
    made = e.airborne_position(11, e.altitude_code12(38_000), odd, lat, lon)
    expected = int(frame[8:22], 16)
    assert int(made) >> 34 == expected >> 34
    for shift in (17, 0):
        assert abs((int(made) >> shift & 0x1FFFF) - (expected >> shift & 0x1FFFF)) <= 1


def test_velocity_over_ground_of_the_published_example_is_encoded_bit_for_bit():
    east, north = -8.0, -159.0
    me = e.velocity(
        np.hypot(east, north), np.degrees(np.arctan2(east, north)), -832.0, barometric=False,
        geom_minus_baro_ft=550.0, bits9_10=1,
    )  # fmt: skip
    assert _hex(e.extended(me, 0x485020)) == "8D485020994409940838175B284F"


def test_airspeed_of_the_published_example_is_encoded_bit_for_bit():
    me = e.airspeed(243.984375, 375.0, -2304.0, true=True, barometric=True)
    assert _hex(e.extended(me, 0xA05F21)) == "8DA05F219B06B6AF189400CBC33F"


def test_surface_position_of_the_published_example_is_encoded_bit_for_bit():
    me = e.surface_position(7, e.movement_code(16.0), 98.4375, 1, 52.32061, 4.73473)
    assert _hex(e.extended(me, 0x484175, code=4)) == "8C4841753A8A35323FAEBDAC702D"


def test_target_state_of_the_published_example_is_encoded_bit_for_bit():
    me = e.target_state(
        16_992.0, 1012.8, 66.796875, nac_p=9, nic_baro=1, sil=3, modes_known=1, autopilot=1, vnav=1, lnav=1, tcas=1
    )
    assert _hex(e.extended(me, 0xA05629)) == "8DA05629EA21485CBF3F8CADAEEB"


def test_comm_b_identification_of_the_published_example_is_encoded_bit_for_bit():
    made = e.surveillance_reply(
        20, 0x40655A, e.altitude_code13(38_000), register.bds20(e.callsign48(["EXS2MF"])), utility_message=0
    )
    assert _hex(made) == "A0001838201584F23468207CDFA5"


def test_selected_altitudes_of_the_published_example_are_encoded_bit_for_bit():
    made = e.surveillance_reply(20, 0x4243D0, e.altitude_code13(3_300), register.bds40(3_008, 3_008, 1020.0))
    assert _hex(made) == "A000029C85E42F313000007047D3"


# Gillham code: rows of the table in Annex 10 volume IV, appendix to chapter 3 (D1 D2 D4 A1 A2 A4 B1 B2 B4 C1 C2 C4)


@pytest.mark.parametrize(
    ("alt_ft", "pulses"),
    [
        (-1_200, "000000000001"), (-1_000, "000000000010"), (-700, "000000001100"), (0, "000000011010"),
        (100, "000000011110"), (500, "000000010010"), (1_000, "000000110010"), (2_800, "000001100001"),
        (5_900, "000001001011"), (6_300, "000001000100"),
    ],
)  # fmt: skip
def test_altitudes_of_the_published_table_have_its_pulses(alt_ft, pulses):
    code = format(int(e.altitude_code13(alt_ft, gillham=True)), "013b")
    order = ("C1", "A1", "C2", "A2", "C4", "A4", "M", "B1", "Q", "B2", "D2", "B4", "D4")
    bit = dict(zip(order, code, strict=True)) | {"D1": "0"}
    table = ("D1", "D2", "D4", "A1", "A2", "A4", "B1", "B2", "B4", "C1", "C2", "C4")
    assert "".join(bit[p] for p in table) == pulses


def test_every_altitude_comes_back_from_both_oracles_to_half_a_step():
    feet = np.concatenate([np.arange(-1_000, 50_176, 25), np.arange(50_200, 126_701, 100)])
    for gillham, step in ((False, 25), (True, 100)):
        steps = feet[:: step // 25]
        payload = e.surveillance_reply(4, 0x484175, e.altitude_code13(steps, gillham))
        for frame, alt in zip(payload[:, :7], steps, strict=True):
            text = frame.tobytes().hex()
            # rs1090 knows neither altitudes below zero in this code nor those above its 16 bits
            assert abs(pyModeS.decode(text)["altitude"] - alt) <= step / 2
            if not gillham and 0 <= alt < 50_176:
                assert abs(rs1090.decode(text)["altitude"] - alt) <= step / 2


def test_an_altitude_that_cannot_be_encoded_is_said_to_be_unknown():
    assert e.altitude_code13([np.nan, -1_300.0, 126_800.0]).tolist() == [0, 0, 0]
    assert e.altitude_code12([np.nan, -1_300.0, 126_800.0]).tolist() == [0, 0, 0]


def test_every_identity_code_comes_back_from_both_oracles():
    codes = np.arange(4096)
    payload = e.surveillance_reply(5, 0x484175, e.identity_code(codes))
    for frame, code in zip(payload[:, :7], codes, strict=True):
        text = frame.tobytes().hex()
        assert rs1090.decode(text)["squawk"] == pyModeS.decode(text)["squawk"] == format(code, "04o")


# CPR


def test_zones_change_at_the_latitudes_of_the_standard():
    # Doc 9871 / DO-260B table A-21 (rounded there to 8 decimals): the first, some in the middle, the last ones
    for edge, below in ((10.47047130, 59), (44.19454951, 43), (59.95459277, 30), (86.53536998, 3), (87.0, 2)):
        assert e.cpr_zones([edge - 1e-7, edge + 1e-7]).tolist() == [below, below - 1]
        assert e.cpr_zones([-edge + 1e-7, -edge - 1e-7]).tolist() == [below, below - 1]


def test_positions_come_back_from_the_oracles_to_half_a_step_all_over_the_globe():
    steps = np.linspace(-0.9999, 0.9999, 1_500)
    lat, lon = np.degrees(np.arcsin(steps)), (np.arange(1_500) * 137.508) % 360.0 - 180.0
    pair = [e.extended(e.airborne_position(11, 0xC38, odd, lat, lon), 0x40621D) for odd in (0, 1)]
    zones = e.cpr_zones(lat)
    for k in range(len(lat)):
        for odd in (0, 1):
            text = pair[odd][k].tobytes().hex()
            near = pyModeS.decode(text, reference=(float(lat[k]) + 0.2 * (-1) ** k * (abs(lat[k]) < 85), float(lon[k])))
            half_lat = 360.0 / (60 - odd) / 2**18
            half_lon = 360.0 / max(zones[k] - odd, 1) / 2**18
            assert abs(near["latitude"] - lat[k]) <= half_lat + 1e-6
            apart = (near["longitude"] - lon[k] + 180.0) % 360.0 - 180.0
            assert abs(apart) <= 1.05 * half_lon + 1e-6


# The traffic, field by field


def test_every_frame_of_the_traffic_has_the_parity_of_its_format(world):
    lots = np.arange(0, len(world), 7)
    for i in lots[world.size[lots] > 2]:
        rest = _remainder(world.payload[i, : world.size[i]].tobytes())
        df = world.payload[i, 0] >> 3
        if df in (17, 18) or KINDS[world.kind[i]] == "squitter":
            assert rest == 0
        elif df == 11:
            assert rest == 1 + world.aircraft[i] % 15
        else:
            assert rest == world.fleet.address[world.aircraft[i]]


def test_addresses_and_formats_are_those_of_the_truth(world, said):
    for i in _own(world, *KINDS[:-1]):
        address = world.fleet.address[world.aircraft[i]]
        assert int(said[1][i]["icao"], 16) == address
        if said[0][i] is not None:
            assert int(said[0][i]["icao24"], 16) == address


def test_altitudes_of_replies_and_positions_are_those_of_the_truth(world, said):
    frames = _own(world, "position", "df0", "df4", "df16", "bds40")
    flight, f = world.flight(frames), world.fleet
    checked = 0
    for k, i in enumerate(frames):
        a = world.aircraft[i]
        if flight.on_ground[k] or f.geometric_only[a]:
            continue
        step = 100.0 if f.gillham[a] or flight.alt_baro_ft[k] > 50_187.5 else 25.0
        assert abs(said[1][i]["altitude"] - flight.alt_baro_ft[k]) <= step / 2 + 1e-6
        checked += 1
    assert checked > 5_000


def test_velocities_are_those_of_the_truth(world, said):
    frames = _own(world, "velocity")
    flight, f = world.flight(frames), world.fleet
    kinds = set()
    for k, i in enumerate(frames):
        a, (rs, pms) = world.aircraft[i], (said[0][i], said[1][i])
        step = 4.0 if f.supersonic[a] else 1.0
        kinds.add(pms["subtype"])
        if pms["subtype"] in (1, 2):
            # both say what the two components come to, so the components are compared
            track = np.radians([rs["track"], flight.track_deg[k]])
            # rs1090 0.7.0 leaves out the factor of four in subtype 2
            gs = np.array([rs["groundspeed"] * step, flight.gs_kt[k]])
            for part in (gs * np.sin(track), gs * np.cos(track)):
                assert abs(part[0] - part[1]) <= step / 2 + 1e-3
            assert abs(pms["track"] - rs["track"]) < 1e-6
        else:
            air = f.air(np.array([a]), world.flight(np.array([i])))
            speed, key = (air.tas_kt[0], "TAS") if a % 2 == 0 else (air.ias_kt[0], "IAS")
            assert pms["airspeed_type"] == key
            assert abs(rs[key] - speed) <= step / 2 + 1e-6
            assert abs((rs["heading"] - air.heading_mag_deg[0] + 180) % 360 - 180) <= 180.0 / 1024 + 1e-6
        assert abs(rs["vertical_rate"] - flight.vrate_fpm[k]) <= 32.0
        # rs1090 0.7.0 has the source the other way round: Doc 9871 table A-2-9a says 0 GNSS, 1 barometric
        assert pms["vr_source"] == ("GNSS" if f.geometric_rate[a] else "BARO")
        # both take the code of no difference (1) for that of none known (0)
        assert (pms["geo_minus_baro"] or 0) == (rs["geo_minus_baro"] or 0) == f.geom_minus_baro_ft[a]
        assert pms["nac_v"] == f.nac_v[a]
    assert kinds >= {1, 2, 3}


def test_identities_and_emergencies_are_those_of_the_truth(world, said):
    f = world.fleet
    for i in _own(world, "identification"):
        a = world.aircraft[i]
        assert said[0][i]["callsign"] == said[1][i]["callsign"] == f.callsign[a]
        assert said[1][i]["category"] == f.category[a] & 7
        assert said[1][i]["typecode"] == 4 - (f.category[a] >> 3)
    for i in _own(world, "emergency", "df5"):
        a = world.aircraft[i]
        assert said[0][i]["squawk"] == said[1][i]["squawk"] == format(f.squawk[a], "04o")
        if KINDS[world.kind[i]] == "emergency":
            assert said[1][i]["emergency_state"] == f.emergency[a]


def test_surface_movement_and_track_are_those_of_the_truth(world, said):
    frames = _own(world, "position")
    flight = world.flight(frames)
    checked = 0
    for k, i in enumerate(frames):
        if not flight.on_ground[k]:
            assert 9 <= said[1][i]["typecode"] <= 22
            continue
        assert 5 <= said[1][i]["typecode"] <= 8
        gs = flight.gs_kt[k]
        step = 0.25 if gs < 2 else 0.5 if gs < 15 else 1.0 if gs < 70 else 2.0 if gs < 100 else 5.0
        assert -1e-6 <= gs - said[1][i]["groundspeed"] <= step
        if gs > 0:
            assert abs((said[1][i]["track"] - flight.track_deg[k] + 180) % 360 - 180) <= 360 / 256 + 1e-6
        checked += 1
    assert checked > 300


def test_quality_in_operational_status_is_that_of_the_truth(world, said):
    f = world.fleet
    for i in _own(world, "status"):
        a, pms = world.aircraft[i], said[1][i]
        assert pms["version"] == f.version[a]
        assert pms["sil"] == f.sil[a]
        assert said[0][i]["NACp"] == pms["nac_p"]
        if f.version[a] == 2:
            assert pms["sil_supplement"] == f.sil_supplement[a]
        if pms["subtype"] == 0:
            assert pms["nic_baro"] == f.nic_baro[a]


def test_target_states_are_those_of_the_truth(world, said):
    f = world.fleet
    for i in _own(world, "target"):
        a, pms = world.aircraft[i], said[1][i]
        if f.version[a] == 2:
            assert abs(pms["selected_altitude"] - f.selected_alt_ft[a]) <= 16
            assert abs(pms["baro_pressure_setting"] - f.qnh_hpa[a]) <= 0.4 + 1e-6
            assert (pms["nic_baro"], pms["sil"]) == (f.nic_baro[a], f.sil[a])


def test_comm_b_registers_are_those_of_the_truth_wherever_an_oracle_infers_them(world, said):
    frames = _own(world, "bds40", "bds50", "bds60")
    flight = world.flight(frames)
    air = world.fleet.air(world.aircraft[frames], flight)
    found = 0
    for k, i in enumerate(frames):
        name, rs, f, a = KINDS[world.kind[i]], said[0][i], world.fleet, world.aircraft[i]
        if rs is None or name not in rs:
            continue
        found += 1
        told = rs[name]
        if name == "bds40":
            assert abs(told["selected_mcp"] - f.selected_alt_ft[a]) <= 100  # it rounds to hundreds
            assert abs(told["barometric_setting"] - f.qnh_hpa[a]) < 0.06
        elif name == "bds50":
            assert abs(told["roll"] - air.roll_deg[k]) <= 45 / 512 + 1e-6
            assert abs((told["track"] - flight.track_deg[k] + 180) % 360 - 180) <= 90 / 1024 + 1e-6
            assert abs(told["groundspeed"] - flight.gs_kt[k]) <= 1.0 + 1e-6
            assert abs(told["track_rate"] - flight.turn_degps[k]) <= 8 / 512 + 1e-6
            assert abs(told["TAS"] - air.tas_kt[k]) <= 1.0 + 1e-6
        else:
            assert abs((told["heading"] - air.heading_mag_deg[k] + 180) % 360 - 180) <= 90 / 1024 + 1e-6
            assert abs(told["IAS"] - air.ias_kt[k]) <= 0.5 + 1e-6
            assert abs(told["Mach"] - air.mach[k]) <= 0.002 + 1e-6
            assert abs(told["vrate_barometric"] - flight.vrate_fpm[k]) <= 16
    assert found > 0.8 * len(frames)


# Aircraft


def test_aircraft_move_as_fast_and_in_the_direction_that_they_say():
    made = fleet(1_000, 60.0)
    who = np.arange(1_000)
    one, two = made.at(who, np.full(1_000, 40.0)), made.at(who, np.full(1_000, 40.2))
    away, azimuth, _ = geo.inverse_arrays(one.lat_deg, one.lon_deg, two.lat_deg, two.lon_deg)
    said_m = 0.5 * (one.gs_kt + two.gs_kt) * 0.2 * 1852.0 / 3600.0
    assert np.abs(away - said_m).max() < 0.006 * said_m.max()
    fast = (one.gs_kt > 20.0) & (np.abs(one.lat_deg) < 86.0)
    off = (azimuth - one.track_deg + 180.0) % 360.0 - 180.0
    assert np.abs(off[fast]).max() < 0.6  # they turn 3 degrees a second at most, and the Earth is no sphere


def test_the_fleet_crosses_poles_antimeridian_and_equator_and_leaves_and_reaches_the_ground():
    made = fleet(1_000, 60.0)
    who = np.arange(1_000)
    first, last = made.at(who, np.full(1_000, 0.0)), made.at(who, np.full(1_000, 59.9))
    assert (first.lat_deg > 87.0).sum() >= 10
    assert (first.lat_deg < -87.0).sum() >= 10
    assert (np.abs(first.lon_deg - last.lon_deg) > 180.0).sum() >= 30
    assert ((first.lat_deg > 0) != (last.lat_deg > 0)).sum() >= 30
    assert (first.on_ground & ~last.on_ground).sum() >= 20
    assert (~first.on_ground & last.on_ground).sum() >= 20
    assert first.alt_baro_ft.min() < -500.0
    assert first.alt_baro_ft.max() > 90_000.0
    assert first.gs_kt.max() > 1_500.0
    assert set(np.unique(made.group)) == set(range(len(GROUPS)))


def test_the_same_seed_gives_the_same_frames_and_another_one_others():
    assert np.array_equal(traffic(30, 4.0).payload, traffic(30, 4.0).payload)
    assert not np.array_equal(traffic(30, 4.0, seed=2).payload, traffic(30, 4.0).payload[:1])


def test_spoofers_shared_addresses_and_rebroadcasts_are_in_the_traffic(world):
    assert set(np.unique(world.origin)) == set(range(len(ORIGINS)))
    assert world.shared.sum() >= 2
    assert len(np.unique(world.fleet.address[world.shared])) == world.shared.sum() // 2
    teleported = np.flatnonzero(world.origin == ORIGINS.index("teleport"))
    true = world.flight(teleported)
    assert (np.abs(world.lat_deg[teleported] - true.lat_deg) > 3.0).all()
    dragged = np.flatnonzero(world.origin == ORIGINS.index("drag"))
    off = geo.distance_m(world.lat_deg[dragged], world.lon_deg[dragged], *world.flight(dragged)[:2])
    assert off.min() < 300.0
    assert off.max() > 1_000.0


# Receivers


def _read(data: bytes) -> list[bytes]:
    """Frames of Beast bytes, undoubled: a reader of a dozen lines, for undamaged bytes."""
    frames, at = [], 0
    while at < len(data):
        assert data[at] == 0x1A
        body, at = bytearray([data[at + 1]]), at + 2
        while at < len(data):
            if data[at] == 0x1A:
                if data[at + 1 : at + 2] != b"\x1a":
                    break
                at += 1
            body.append(data[at])
            at += 1
        frames.append(bytes(body))
    return frames


def test_undamaged_bytes_hold_the_frames_with_counters_that_drift_wrap_and_restart(world):
    for k, one in enumerate(heard(world, 3, corrupted=0.0)):
        frames = _read(one.data)
        assert len(frames) == len(one.frame)
        assert 0.8 < len(frames) / len(world) < 0.9
        for frame, i in zip(frames, one.frame, strict=True):
            assert frame[8:] == world.payload[i, : world.size[i]].tobytes()
            assert frame[0] == {2: 0x31, 7: 0x32, 14: 0x33}[world.size[i]]
        stamps = np.array([int.from_bytes(f[1:7], "big") for f in frames])
        assert np.array_equal(stamps, one.ticks.astype(np.int64))
        back = np.flatnonzero(np.diff(stamps) < -10)
        assert len(back) == (0 if k == 0 else 1)
        assert (one.restart_ns is not None) == (k == 2)
        # a clock is right to 20 millionths, and to the noise of its stamps
        until = back[0] + 1 if len(back) else len(stamps)
        passed = (stamps[until - 1] - stamps[0]) / TICKS_PER_S
        true = (one.arrival_ns[until - 1] - one.arrival_ns[0]) * 1e-9
        assert abs(passed - true) < 21e-6 * true + 1e-6


def test_receiver_ids_stand_before_each_frame_as_readsb_sends_them(world):
    one = heard(world, 1, corrupted=0.0, ids=True)[0]
    frames = _read(one.data)
    assert {f[0] for f in frames[::2]} == {0xE3}
    assert {f[1:] for f in frames[::2]} == {one.receiver.to_bytes(8, "big")}
    assert len(frames) == 2 * len(one.frame)


def test_one_frame_in_a_hundred_is_damaged_in_each_way_and_no_damage_passes_the_parity(world):
    one = heard(world, 1, share=1.0, corrupted=0.05)[0]
    assert 0.04 < (one.damage > 0).mean() < 0.06
    assert set(np.unique(one.damage)) == set(range(len(DAMAGE)))
    stops = np.append(one.start[1:], len(one.data))
    for i in np.flatnonzero((one.damage == 1) | (one.damage == 2)):
        frame = _read(one.data[one.start[i] : stops[i]])[0][8:]
        sent = world.payload[one.frame[i], : world.size[one.frame[i]]].tobytes()
        assert frame != sent
        assert _remainder(frame) != _remainder(sent)


def test_a_receiver_with_a_place_hears_what_is_near_as_late_as_light_is(world):
    now = world.flight(np.array([0]))
    place = (float(now.lat_deg[0]), float(now.lon_deg[0]), 100.0)
    one = heard(world, 1, corrupted=0.0, share=1.0, places=[place], range_m=3e6)[0]
    assert 0 < len(one.frame) < len(world) / 4
    flight = world.flight(one.frame)
    away = geo.distance_m(flight.lat_deg, flight.lon_deg, place[0], place[1])
    late_m = (one.arrival_ns - world.time_ns[one.frame]) * 0.299792458
    near = away < 3e5
    assert near.any()
    # the straight line is longer than the arc where the aircraft is high, and stamps are noisy
    assert np.abs(late_m - away)[near].max() < 30_000.0
    assert np.abs(late_m - away)[near & (flight.alt_baro_ft < 1_000)].max(initial=0.0) < 300.0
    assert one.arrival_ns.min() >= START_NS
