"""How well 56 bits fit each Comm-B register: one kernel a register, none of which knows the others.

A reply does not say which register it carries. Each kernel here gives the probability that an aircraft with this
register, in this situation, would have sent exactly these 56 bits; 0 where a rule of the register forbids them.
:mod:`testigos.modes.commb` weighs the nine against each other and against ``other``: anything else.

Two kinds of factors make up such a probability:

- *rules* of the specification, which forbid: a value under a status bit of 0, a reserved bit, an unassigned code;
- *habits*, which only weigh: how often a status bit is set, how values are spread, and how near they are to each
  other (roll and rate of turn, IAS and Mach at this altitude) and to what the aircraft said in ADS-B.

A value is spread about what is expected of it like ``near``: Student's distribution with three degrees of freedom,
whose tails leave room for the rare case. The scales are round numbers from flight physics and from how far a value
moves while the other one ages; they are own rules, fitted to no recording.

Bits are numbered from 1, as in the MB field of the specification.
Source: ICAO Doc 9871 (2nd edition), tables A-2-16 to A-2-96, for the layouts; ICAO Doc 7488 for the atmosphere.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from testigos.kernels import kernel
from testigos.modes.columns import NONE64
from testigos.modes.fields import bits

__all__ = [
    "Known",
    "bds10",
    "bds17",
    "bds20",
    "bds30",
    "bds40",
    "bds44",
    "bds45",
    "bds50",
    "bds60",
    "other",
    "signed",
]


class Known(NamedTuple):
    """What is known of the aircraft beside these 56 bits; NaN (call sign: all bits set) where nothing is.

    ``velocity_age_s`` says how old the values of ``gs_kt`` to ``heading_mag_deg`` are.
    """

    grounded: bool
    alt_ft: float
    gs_kt: float
    track_deg: float
    vrate_fpm: float
    ias_kt: float
    tas_kt: float
    heading_mag_deg: float
    velocity_age_s: float
    selected_alt_mcp_ft: float
    qnh_hpa: float
    callsign: np.uint64


_LOWEST_FT: Final = -2_000
_STEP_FT: Final = 500
_ALTITUDES_FT: Final = np.arange(_LOWEST_FT, 130_001, _STEP_FT)
_HEIGHT_M: Final = _ALTITUDES_FT * 0.3048
# 6.5 K/km to 11 km, then 216.65 K; above 20 km few fly, and the tests are wide
_TEMPERATURE_K: Final = np.maximum(288.15 - 0.0065 * _HEIGHT_M, 216.65)
_PRESSURE: Final = np.where(
    _HEIGHT_M <= 11_000.0,
    (_TEMPERATURE_K / 288.15) ** 5.255_88,
    0.223_361 * np.exp((11_000.0 - _HEIGHT_M) / 6_341.62),
)
_SOUND_KT: Final = 38.967_854 * np.sqrt(_TEMPERATURE_K)
_SEA_LEVEL_HPA: Final = 1_013.25
_SEA_LEVEL_SOUND_KT: Final = 661.478_8
_SLOW_KT: Final = 60.0  #: few fly slower, and none of them banks much

#: Student's distribution with three degrees of freedom and standard deviation 1 is this / (1 + x²)².
_NEAR: Final = 2.0 / math.pi
#: The share of values that follow no expectation: damaged sensors, other units, other habits.
_STRAY: Final = 0.02


@kernel
def signed(mb, first, last):  # type: ignore[no-untyped-def]
    """A two's complement number."""
    value = bits(mb, first, last)
    span = 1 << (last - first + 1)
    return value - span if value >= span >> 1 else value


@kernel
def _near(difference, scale, step, codes):  # type: ignore[no-untyped-def]
    """Probability of one code of a field: ``difference`` from what is expected, ``step`` a code, ``codes`` in all."""
    x = difference / scale
    y = 1.0 + x * x
    return (1.0 - _STRAY) * _NEAR * step / (scale * y * y) + _STRAY / codes


@kernel
def _turn(a_deg, b_deg):  # type: ignore[no-untyped-def]
    """Smallest angle from b to a, -180 to 180 degrees, for angles of 0 to 360 (or -180 to 180)."""
    d = a_deg - b_deg
    if d > 180.0:
        d -= 360.0
    elif d < -180.0:
        d += 360.0
    return d


@kernel
def _level(alt_ft):  # type: ignore[no-untyped-def]
    """The place of an altitude in the tables of the standard atmosphere."""
    place = int((alt_ft - _LOWEST_FT) * (1.0 / _STEP_FT) + 0.5)
    return min(max(place, 0), len(_PRESSURE) - 1)


@kernel
def _calibrated_kt(mach, pressure):  # type: ignore[no-untyped-def]
    """Calibrated air speed of a Mach number, ``pressure`` in units of that at sea level; within 1 % up to Mach 1.

    Source: the series of the adiabatic law in Mach numbers (own derivation from (1 + 0.2 M²)^3.5).
    """
    square = mach * mach
    series = (1.0 - pressure) * square * (1.0 / 8.0 + 3.0 / 640.0 * (1.0 - 9.0 * pressure) * square)
    return _SEA_LEVEL_SOUND_KT * mach * math.sqrt(pressure) * (1.0 + series)


@kernel
def _airspeed(speed_kt, grounded, step, codes):  # type: ignore[no-untyped-def]
    """Probability of a speed of which nothing is known: taxi on the ground; cruise, or anything else."""
    if grounded:
        return _near(speed_kt, 25.0, step, codes)
    return 0.6 * _near(speed_kt - 430.0, 70.0, step, codes) + 0.4 * _near(speed_kt - 220.0, 110.0, step, codes)


@kernel
def _usual(flag, set_share):  # type: ignore[no-untyped-def]
    """Probability of a bit that is set in this share of all messages."""
    return set_share if flag else 1.0 - set_share


@kernel
def other(mb):  # type: ignore[no-untyped-def]
    """Probability of the bits in any other register: a byte is zero in one case of eight, else anything."""
    share = 1.0
    for k in range(7):
        share *= 0.125 if (mb >> np.uint64(8 * k)) & np.uint64(0xFF) == 0 else 0.875 / 255.0
    return share


@kernel
def bds10(mb):  # type: ignore[no-untyped-def]
    """BDS 1,0, data link capability.

    ==== ================================================
    1-8  0001 0000
    9    continued in the next register
    10-  reserved, 14
    15   overlay command capability
    16   ACAS works
    17-  version of the subnetwork, 23
    24   enhanced protocol
    25   specific services
    26-  throughputs of uplink (28) and downlink (32) ELM
    33   identification, 34 squitters, 35 SI codes
    36   toggles when BDS 1,7 changes
    37-  ACAS: hybrid, RA, version, 40
    41-  data terminal equipment, 56
    ==== ================================================

    Rules: the first byte; 10 to 14 are zero. Habits: versions above 5 and throughputs above the assigned ones
    are rare, and most aircraft have identification. Source: Doc 9871 table A-2-16, Annex 10 volume IV 3.1.2.6.10.2.
    """
    if bits(mb, 1, 8) != 0x10 or bits(mb, 10, 14) != 0:
        return 0.0
    # what is not looked at is as likely as anywhere else
    share = other(mb) * 255.0 / 0.875 * 32.0
    share *= _usual(bits(mb, 17, 23) <= 5, 0.95) * 2.0
    share *= _usual(bits(mb, 26, 28) <= 6 and bits(mb, 29, 32) <= 6, 0.98) * 2.0
    return share * _usual(bits(mb, 33, 33), 0.9) * 2.0


@kernel
def bds17(mb):  # type: ignore[no-untyped-def]
    """BDS 1,7, common usage capability: a bit for each register that is served.

    ==== ===================================================================================
    1-24 BDS 0,5 0,6 0,7 0,8 0,9 0,A 2,0 2,1 4,0 4,1 4,2 4,3 4,4 4,5 4,8 5,0 5,1 5,2 5,3 5,4
         5,5 5,6 5,F 6,0
    25-  assigned in some editions only, 28
    29-  reserved, 56
    ==== ===================================================================================

    Rules: 29 to 56 are zero. Habits: identification (2,0) belongs to every such transponder; 4,0 5,0 6,0 come
    together, and so do 0,5 0,6 0,8 0,9; the others seldom. Source: Doc 9871 table A-2-23.
    """
    if mb & np.uint64(0xFFFFFFF) != 0:
        return 0.0
    share = _usual(bits(mb, 7, 7), 0.999) * 0.5  # and 0,7 is open
    # two groups that are installed together or not at all
    squitters = bits(mb, 1, 2) << 2 | bits(mb, 4, 5)
    share *= 0.45 if squitters == 15 or squitters == 0 else 0.1 / 14.0
    enhanced = bits(mb, 9, 9) << 2 | bits(mb, 16, 16) << 1 | bits(mb, 24, 24)
    share *= 0.4 if enhanced == 7 or enhanced == 0 else 0.2 / 6.0
    # of the other nineteen, few at a time
    others = mb & np.uint64(0x057EFEF0000000)
    while others != 0:
        share *= 0.25
        others &= others - np.uint64(1)
    return share * 0.1


@kernel
def bds20(mb, known):  # type: ignore[no-untyped-def]
    """BDS 2,0, aircraft identification.

    ==== =======================================================
    1-8  0010 0000
    9-   eight characters of 6 bits, 56
    ==== =======================================================

    Rules: the first byte; each character is a letter, a digit or a blank, or all bits are zero: no identification.
    Habits: no character after a blank; it is the call sign of ADS-B. Source: Doc 9871 table A-2-32.
    """
    if bits(mb, 1, 8) != 0x20:
        return 0.0
    name = mb & np.uint64(0xFFFFFFFFFFFF)
    if name == 0:
        return 0.01
    share = 1.0
    ended = False
    for k in range(8):
        character = bits(mb, 9 + 6 * k, 14 + 6 * k)
        if character == 32:
            share *= 0.9 if ended else 0.1
            ended = True
        elif 1 <= character <= 26 or 48 <= character <= 57:
            share *= 0.002 if ended else 0.9 / 36.0
        else:
            return 0.0
    if known.callsign != NONE64:
        return 0.95 if known.callsign == name else 0.05 * share
    return share


@kernel
def bds30(mb):  # type: ignore[no-untyped-def]
    """BDS 3,0, ACAS resolution advisory.

    ==== ========================================================================
    1-8  0011 0000
    9-   active resolution advisories, 22; the last seven are for ACAS III
    23-  resolution advisory complements, 26
    27   the advisory is over
    28   more than one threat
    29-  threat type, 30: 0 none, 1 an address, 2 altitude, range and bearing
    31-  threat identity, 56
    ==== ========================================================================

    Rules: the first byte; threat type 3 is not assigned; no identity without a type; 55 and 56 are zero after an
    address; bearing at most 60. Habits: 16 to 22 are zero. Source: Annex 10 volume IV 4.3.8.4.2.2.1.
    """
    if bits(mb, 1, 8) != 0x30:
        return 0.0
    kind = bits(mb, 29, 30)
    if kind == 3 or (kind == 0 and bits(mb, 31, 56) != 0) or (kind == 1 and bits(mb, 55, 56) != 0):
        return 0.0
    if kind == 2 and bits(mb, 51, 56) > 60:
        return 0.0
    share = other(mb) * 255.0 / 0.875
    return share * _usual(bits(mb, 16, 22) == 0, 0.999) * 16.0


@kernel
def _selected(code):  # type: ignore[no-untyped-def]
    """Probability of a selected altitude: nine in ten are full hundreds of feet, rounded to 16."""
    feet = code * 16
    remainder = feet % 100
    return 0.9 / 450.0 + 0.1 / 4096.0 if remainder <= 8 or remainder >= 92 else 0.1 / 4096.0


@kernel
def bds40(mb, known):  # type: ignore[no-untyped-def]
    """BDS 4,0, selected vertical intention.

    ==== ====================================================
    1    status, 2-13 altitude selected on the panel, 16 ft
    14   status, 15-26 altitude of the FMS, 16 ft
    27   status, 28-39 pressure setting, 0.1 hPa from 800
    40-  reserved, 47
    48   status, 49 VNAV, 50 altitude hold, 51 approach
    52-  reserved, 53
    54   status, 55-56 source of the target altitude
    ==== ====================================================

    Rules: a value under a status of 0 is zero; reserved bits are zero; altitudes up to 60 000 ft.
    Habits: hundreds of feet; both altitudes are the same; the setting is standard, or near it, or what ADS-B says.
    Source: Doc 9871 table A-2-64.
    """
    if bits(mb, 40, 47) != 0 or bits(mb, 52, 53) != 0:
        return 0.0
    panel_on, fms_on, setting_on = bits(mb, 1, 1), bits(mb, 14, 14), bits(mb, 27, 27)
    modes_on, source_on = bits(mb, 48, 48), bits(mb, 54, 54)
    panel, fms, setting = bits(mb, 2, 13), bits(mb, 15, 26), bits(mb, 28, 39)
    modes, source = bits(mb, 49, 51), bits(mb, 55, 56)
    if (not panel_on and panel) or (not fms_on and fms) or (not setting_on and setting):
        return 0.0
    if (not modes_on and modes) or (not source_on and source) or panel > 3750 or fms > 3750:
        return 0.0
    if panel_on + fms_on + setting_on + modes_on + source_on == 0:
        return 0.0
    share = _usual(panel_on, 0.95) * _usual(fms_on, 0.5) * _usual(setting_on, 0.9)
    share *= _usual(modes_on, 0.4) * _usual(source_on, 0.6)
    if panel_on:
        if known.selected_alt_mcp_ft == known.selected_alt_mcp_ft:
            difference = panel * 16 - known.selected_alt_mcp_ft
            share *= 0.8 * _near(difference, 16.0, 16.0, 4096.0) + 0.2 * _selected(panel)
        else:
            share *= _selected(panel)
    if fms_on:
        share *= _selected(fms) if not panel_on else (0.2 if abs(fms - panel) <= 1 else 0.4 * _selected(fms))
    if setting_on:
        hpa = 800.0 + setting * 0.1
        usual = 0.5 * _near(hpa - 1013.25, 0.15, 0.1, 4096.0) + 0.5 * _near(hpa - 1013.25, 12.0, 0.1, 4096.0)
        if known.qnh_hpa == known.qnh_hpa:
            usual = 0.9 * _near(hpa - known.qnh_hpa, 0.5, 0.1, 4096.0) + 0.1 * usual
        share *= usual
    if modes_on:
        share *= 0.125
    if source_on:
        share *= 0.25
    return share


@kernel
def _temperature(celsius, known, codes):  # type: ignore[no-untyped-def]
    """Probability of a temperature: that of the standard atmosphere, give or take 10 degrees."""
    if known.alt_ft == known.alt_ft:
        return _near(celsius + 273.15 - _TEMPERATURE_K[_level(known.alt_ft)], 10.0, 0.25, codes)
    return _near(celsius + 25.0, 35.0, 0.25, codes)


@kernel
def _pressure(hpa, known):  # type: ignore[no-untyped-def]
    """Probability of a static pressure: the altitude is the same thing in other units."""
    if known.alt_ft == known.alt_ft:
        return _near(hpa - _SEA_LEVEL_HPA * _PRESSURE[_level(known.alt_ft)], 6.0, 1.0, 2048.0)
    return 1.0 / 1100.0 if 100 <= hpa <= 1100 else 0.01 / 2048.0


@kernel
def bds44(mb, known):  # type: ignore[no-untyped-def]
    """BDS 4,4, meteorological routine air report.

    ==== ==========================================================
    1-4  figure of merit and source: 1 INS, 2 GNSS, 3 DME, 4 VOR
    5    status, 6-14 wind speed, 1 kt, 15-23 from, 180/256 degrees
    24-  static air temperature, 34, 0.25 degrees, signed
    35   status, 36-46 average static pressure, 1 hPa
    47   status, 48-49 turbulence
    50   status, 51-56 humidity, 100/64 %
    ==== ==========================================================

    Rules: a value under a status of 0 is zero; source up to 4; -80 to 60 degrees; wind up to 250 kt.
    Habits: the standard temperature and pressure of this altitude; wind is known, turbulence and humidity are not.
    Source: Doc 9871 table A-2-68, which gives the ten bits of the temperature a highest one of 64 degrees and a
    lowest of 0.25; both cannot be, and decoders hold on to 0.25.
    """
    source = bits(mb, 1, 4)
    wind_on, pressure_on = bits(mb, 5, 5), bits(mb, 35, 35)
    turbulence_on, humidity_on = bits(mb, 47, 47), bits(mb, 50, 50)
    speed, pressure, turbulence, humidity = bits(mb, 6, 14), bits(mb, 36, 46), bits(mb, 48, 49), bits(mb, 51, 56)
    celsius = signed(mb, 24, 34) * 0.25
    if source > 4 or speed > 250 or not -80.0 <= celsius <= 60.0:
        return 0.0
    if (not wind_on and bits(mb, 6, 23)) or (not pressure_on and pressure):
        return 0.0
    if (not turbulence_on and turbulence) or (not humidity_on and humidity):
        return 0.0
    share = _usual(wind_on, 0.9) * _usual(pressure_on, 0.2) * _usual(turbulence_on, 0.2) * _usual(humidity_on, 0.1)
    share *= 0.4 if source == 1 or source == 2 else 0.2 / 3.0
    share *= _temperature(celsius, known, 1024.0)
    if wind_on:
        share *= _near(speed - 35.0, 30.0, 1.0, 512.0) * (1.0 / 512.0)
    if pressure_on:
        share *= _pressure(pressure, known)
    if turbulence_on:
        share *= 0.7 if turbulence == 0 else 0.1
    if humidity_on:
        share *= 1.0 / 64.0
    return share


@kernel
def bds45(mb, known):  # type: ignore[no-untyped-def]
    """BDS 4,5, meteorological hazard report.

    ==== ===============================================================
    1    status, 2-3 turbulence
    4    status, 5-6 wind shear
    7    status, 8-9 microburst
    10   status, 11-12 icing
    13   status, 14-15 wake vortex
    16   status, 17-26 static air temperature, 0.25 degrees, signed
    27   status, 28-38 average static pressure, 1 hPa
    39   status, 40-51 radio height, 16 ft
    52-  reserved, 56
    ==== ===============================================================

    Rules: a value under a status of 0 is zero; reserved bits are zero; -80 to 60 degrees; a radio height is not
    over 5,000 ft above the pressure altitude. Habits: hazards are rare; the standard temperature and pressure of
    this altitude. Source: Doc 9871 table A-2-69.
    """
    if bits(mb, 52, 56) != 0:
        return 0.0
    share = 1.0
    hazards = 0
    for k in range(5):
        hazard_on, hazard = bits(mb, 3 * k + 1, 3 * k + 1), bits(mb, 3 * k + 2, 3 * k + 3)
        if not hazard_on and hazard:
            return 0.0
        hazards += hazard_on
        share *= 0.85 if not hazard_on else (0.12 if hazard == 0 else 0.01)
    temperature_on, pressure_on, height_on = bits(mb, 16, 16), bits(mb, 27, 27), bits(mb, 39, 39)
    celsius, pressure, height = signed(mb, 17, 26) * 0.25, bits(mb, 28, 38), bits(mb, 40, 51)
    if (not temperature_on and celsius != 0.0) or (not pressure_on and pressure) or (not height_on and height):
        return 0.0
    if hazards + temperature_on + pressure_on + height_on == 0 or not -80.0 <= celsius <= 60.0:
        return 0.0
    share *= _usual(temperature_on, 0.7) * _usual(pressure_on, 0.5) * _usual(height_on, 0.3)
    if temperature_on:
        share *= _temperature(celsius, known, 1024.0)
    if pressure_on:
        share *= _pressure(pressure, known)
    if height_on:
        if height * 16.0 > known.alt_ft + 5_000.0:
            return 0.0
        share *= _near(height * 16.0, 3_000.0, 16.0, 4096.0)
    return share


@kernel
def bds50(mb, known):  # type: ignore[no-untyped-def]
    """BDS 5,0, track and turn.

    ==== =====================================================
    1    status, 2-11 roll, 45/256 degrees, signed
    12   status, 13-23 true track, 90/512 degrees, signed
    24   status, 25-34 ground speed, 2 kt
    35   status, 36-45 rate of turn, 8/256 degrees/s, signed
    46   status, 47-56 true air speed, 2 kt
    ==== =====================================================

    Rules: a value under a status of 0 is zero; the two speeds differ by at most 350 kt, of wind.
    Habits: all are known; roll is small, and turns the aircraft as much as g tan(roll) / speed says; track and
    ground speed are those of ADS-B. Source: Doc 9871 table A-2-80.
    """
    roll_on, track_on, gs_on = bits(mb, 1, 1), bits(mb, 12, 12), bits(mb, 24, 24)
    rate_on, tas_on = bits(mb, 35, 35), bits(mb, 46, 46)
    if (not roll_on and bits(mb, 2, 11)) or (not track_on and bits(mb, 13, 23)) or (not gs_on and bits(mb, 25, 34)):
        return 0.0
    if (not rate_on and bits(mb, 36, 45)) or (not tas_on and bits(mb, 47, 56)):
        return 0.0
    if roll_on + track_on + gs_on + rate_on + tas_on == 0:
        return 0.0
    roll, gs, tas = signed(mb, 2, 11) * (45.0 / 256.0), bits(mb, 25, 34) * 2.0, bits(mb, 47, 56) * 2.0
    rate = signed(mb, 36, 45) * (8.0 / 256.0)
    if gs_on and tas_on and abs(gs - tas) > 350.0:
        return 0.0
    share = _usual(roll_on, 0.95) * _usual(track_on, 0.95) * _usual(gs_on, 0.95)
    share *= _usual(rate_on, 0.9) * _usual(tas_on, 0.9)
    age = known.velocity_age_s
    speed = gs if gs_on else tas
    if roll_on:
        slow = known.grounded or ((gs_on or tas_on) and speed < _SLOW_KT)
        level = 0.95 if slow else 0.6
        share *= level * _near(roll, 1.0 if slow else 1.5, 45.0 / 256.0, 1024.0) + (1.0 - level) * _near(
            roll, 15.0, 45.0 / 256.0, 1024.0
        )
    if track_on:
        if known.track_deg == known.track_deg:
            track = signed(mb, 13, 23) * (90.0 / 512.0)
            if track < 0.0:
                track += 360.0
            share *= _near(_turn(track, known.track_deg), 1.5 + 1.0 * age, 90.0 / 512.0, 2048.0)
        else:
            share *= 1.0 / 2048.0
    if gs_on:
        if known.gs_kt == known.gs_kt:
            share *= _near(gs - known.gs_kt, 3.0 + 1.0 * age, 2.0, 1024.0)
        else:
            share *= _airspeed(gs, known.grounded, 2.0, 1024.0)
    if rate_on:
        if roll_on and speed >= _SLOW_KT:
            slope = roll * (math.pi / 180.0)
            expected = 1_092.2 * slope * (1.0 + slope * slope * (1.0 / 3.0)) / speed  # 9.80665 m/s², kt, degrees
            share *= _near(rate - expected, 0.15 + 0.15 * abs(expected), 8.0 / 256.0, 1024.0)
        else:
            share *= _near(rate, 1.0, 8.0 / 256.0, 1024.0)
    if tas_on:
        if known.tas_kt == known.tas_kt:
            share *= _near(tas - known.tas_kt, 4.0 + 1.0 * age, 2.0, 1024.0)
        elif gs_on:
            share *= _near(tas - gs, 50.0, 2.0, 1024.0)
        elif known.gs_kt == known.gs_kt:
            share *= _near(tas - known.gs_kt, 50.0 + age, 2.0, 1024.0)
        else:
            share *= _airspeed(tas, known.grounded, 2.0, 1024.0)
    return share


@kernel
def bds60(mb, known):  # type: ignore[no-untyped-def]
    """BDS 6,0, heading and speed.

    ==== =========================================================
    1    status, 2-12 magnetic heading, 90/512 degrees, signed
    13   status, 14-23 indicated air speed, 1 kt
    24   status, 25-34 Mach, 2.048/512
    35   status, 36-45 barometric vertical rate, 32 ft/min, signed
    46   status, 47-56 inertial vertical rate, 32 ft/min, signed
    ==== =========================================================

    Rules: a value under a status of 0 is zero. Habits: all are known; air speed and Mach are one speed at this
    pressure altitude; both vertical rates are much the same, and that of ADS-B; heading is within the drift and the
    variation of the track. Source: Doc 9871 table A-2-96.
    """
    heading_on, ias_on, mach_on = bits(mb, 1, 1), bits(mb, 13, 13), bits(mb, 24, 24)
    baro_on, inertial_on = bits(mb, 35, 35), bits(mb, 46, 46)
    if (not heading_on and bits(mb, 2, 12)) or (not ias_on and bits(mb, 14, 23)) or (not mach_on and bits(mb, 25, 34)):
        return 0.0
    if (not baro_on and bits(mb, 36, 45)) or (not inertial_on and bits(mb, 47, 56)):
        return 0.0
    if heading_on + ias_on + mach_on + baro_on + inertial_on == 0:
        return 0.0
    share = _usual(heading_on, 0.95) * _usual(ias_on, 0.95) * _usual(mach_on, 0.95)
    share *= _usual(baro_on, 0.9) * _usual(inertial_on, 0.85)
    ias, mach = bits(mb, 14, 23) * 1.0, bits(mb, 25, 34) * 0.004
    baro, inertial = signed(mb, 36, 45) * 32.0, signed(mb, 47, 56) * 32.0
    age = known.velocity_age_s
    if heading_on:
        heading = signed(mb, 2, 12) * (90.0 / 512.0)
        if heading < 0.0:
            heading += 360.0
        if known.heading_mag_deg == known.heading_mag_deg:
            share *= _near(_turn(heading, known.heading_mag_deg), 1.5 + 1.0 * age, 90.0 / 512.0, 2048.0)
        elif known.track_deg == known.track_deg:
            share *= _near(_turn(heading, known.track_deg), 12.0 + 1.0 * age, 90.0 / 512.0, 2048.0)
        else:
            share *= 1.0 / 2048.0
    level = _level(known.alt_ft if known.alt_ft == known.alt_ft else 0.0)
    placed = known.grounded or known.alt_ft == known.alt_ft  # airfields lie near sea level
    if mach_on:
        if placed and known.gs_kt == known.gs_kt:
            # wind
            share *= _near(mach * _SOUND_KT[level] - known.gs_kt, 50.0 + age, 0.004 * _SOUND_KT[level], 1024.0)
        else:
            share *= _airspeed(mach * 580.0, known.grounded, 2.3, 1024.0)
    if ias_on:
        if known.ias_kt == known.ias_kt:
            share *= _near(ias - known.ias_kt, 3.0 + 1.0 * age, 1.0, 1024.0)
        elif mach_on and placed:
            share *= _near(ias - _calibrated_kt(mach, _PRESSURE[level]), 4.0, 1.0, 1024.0)
        elif mach_on:
            # from sea level to 55,000 ft
            fraction = ias - 0.3 * _SEA_LEVEL_SOUND_KT * mach
            span = 0.75 * _SEA_LEVEL_SOUND_KT * mach + 1.0
            share *= 1.0 / (span + 10.0) if 0.0 <= fraction <= span else 0.01 / 1024.0
        else:
            share *= _airspeed(ias * 1.6, known.grounded, 1.6, 1024.0)
    if baro_on:
        if known.vrate_fpm == known.vrate_fpm:
            share *= _near(baro - known.vrate_fpm, 150.0 + 30.0 * age, 32.0, 1024.0)
        else:
            share *= 0.5 * _near(baro, 100.0, 32.0, 1024.0) + 0.5 * _near(baro, 1_500.0, 32.0, 1024.0)
    if inertial_on:
        if baro_on:
            share *= _near(inertial - baro, 150.0, 32.0, 1024.0)
        elif known.vrate_fpm == known.vrate_fpm:
            share *= _near(inertial - known.vrate_fpm, 150.0 + 30.0 * age, 32.0, 1024.0)
        else:
            share *= 0.5 * _near(inertial, 100.0, 32.0, 1024.0) + 0.5 * _near(inertial, 1_500.0, 32.0, 1024.0)
    return share
