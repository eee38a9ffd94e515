"""Open Drone ID in plain Python, for tests: the 25-byte messages by the tables of the standard, and the C structure.

Written from the tables and from the declarations of opendroneid.h, apart from the decoder: the structure's layout is
what ctypes makes of the declarations.
"""

import base64
import ctypes as c
import json
import struct


class BasicId(c.LittleEndianStructure):
    _fields_ = (("UAType", c.c_int32), ("IDType", c.c_int32), ("UASID", c.c_char * 21))


class Location(c.LittleEndianStructure):
    _fields_ = (
        ("Status", c.c_int32), ("Direction", c.c_float), ("SpeedHorizontal", c.c_float), ("SpeedVertical", c.c_float),
        ("Latitude", c.c_double), ("Longitude", c.c_double), ("AltitudeBaro", c.c_float), ("AltitudeGeo", c.c_float),
        ("HeightType", c.c_int32), ("Height", c.c_float), ("HorizAccuracy", c.c_int32), ("VertAccuracy", c.c_int32),
        ("BaroAccuracy", c.c_int32), ("SpeedAccuracy", c.c_int32), ("TSAccuracy", c.c_int32), ("TimeStamp", c.c_float),
    )  # fmt: skip


class Auth(c.LittleEndianStructure):
    _fields_ = (
        ("DataPage", c.c_uint8), ("AuthType", c.c_int32), ("LastPageIndex", c.c_uint8), ("Length", c.c_uint8),
        ("Timestamp", c.c_uint32), ("AuthData", c.c_uint8 * 24),
    )  # fmt: skip


class SelfId(c.LittleEndianStructure):
    _fields_ = (("DescType", c.c_int32), ("Desc", c.c_char * 24))


class System(c.LittleEndianStructure):
    _fields_ = (
        ("OperatorLocationType", c.c_int32), ("ClassificationType", c.c_int32), ("OperatorLatitude", c.c_double),
        ("OperatorLongitude", c.c_double), ("AreaCount", c.c_uint16), ("AreaRadius", c.c_uint16),
        ("AreaCeiling", c.c_float), ("AreaFloor", c.c_float), ("CategoryEU", c.c_int32), ("ClassEU", c.c_int32),
        ("OperatorAltitudeGeo", c.c_float), ("Timestamp", c.c_uint32),
    )  # fmt: skip


class OperatorId(c.LittleEndianStructure):
    _fields_ = (("OperatorIdType", c.c_int32), ("OperatorId", c.c_char * 21))


class UasData(c.LittleEndianStructure):
    _fields_ = (
        ("BasicID", BasicId * 2), ("Location", Location), ("Auth", Auth * 16), ("SelfID", SelfId), ("System", System),
        ("OperatorID", OperatorId), ("BasicIDValid", c.c_uint8 * 2), ("LocationValid", c.c_uint8),
        ("AuthValid", c.c_uint8 * 16), ("SelfIDValid", c.c_uint8), ("SystemValid", c.c_uint8),
        ("OperatorIDValid", c.c_uint8),
    )  # fmt: skip


def structure(ids=(), location=None, text=None, system=None, operator=None):
    """The bytes of the structure; ``location`` is a mapping of its fields, ``system`` the operator's position."""
    uas = UasData()
    for k, (kind, ua, name) in enumerate(ids):
        uas.BasicID[k].IDType, uas.BasicID[k].UAType, uas.BasicID[k].UASID = kind, ua, name
        uas.BasicIDValid[k] = 1
    if location is not None:
        for key, value in location.items():
            setattr(uas.Location, key, value)
        uas.LocationValid = 1
    if text is not None:
        uas.SelfID.Desc, uas.SelfIDValid = text, 1
    if system is not None:
        uas.System.OperatorLatitude, uas.System.OperatorLongitude = system
        uas.SystemValid = 1
    if operator is not None:
        uas.OperatorID.OperatorId, uas.OperatorIDValid = operator, 1
    return bytes(uas)


def basic_id(kind, ua, name):
    return bytes([0x02, kind << 4 | ua]) + name.ljust(20, b"\0") + bytes(3)


def location(*, status=0, direction=361, speed=255.0, climb=63.0, lat=0.0, lon=0.0, baro=-1000.0, geo=-1000.0,
             over_ground=0, height=-1000.0, across=0, upright=0, second=None):  # fmt: skip
    """Table 6 of F3411-22a: degrees, m/s, metres, seconds in the hour."""
    west = direction >= 180
    fast = speed > 63.75
    code = round((speed - 63.75) / 0.75) if fast else round(speed / 0.25)
    altitude = [round((m + 1000.0) / 0.5) for m in (baro, geo, height)]
    return struct.pack(
        "<BBBBbiiHHHBBHBx", 0x12, status << 4 | over_ground << 2 | west << 1 | fast, round(direction) - 180 * west,
        code, round(climb / 0.5), round(lat * 1e7), round(lon * 1e7), *altitude, upright << 4 | across, 0,
        0xFFFF if second is None else round(second * 10), 0,
    )  # fmt: skip


def auth(page=0):
    return bytes([0x22, page]) + bytes(23)


def self_id(text):
    return bytes([0x32, 0]) + text.ljust(23, b"\0")


def system(lat, lon):
    return struct.pack("<BBiiHBHHBHIx", 0x42, 0, round(lat * 1e7), round(lon * 1e7), 1, 0, 0, 0, 0, 0, 0)


def operator_id(name):
    return bytes([0x52, 0]) + name.ljust(20, b"\0") + bytes(3)


def pack(*messages):
    return bytes([0xF2, 25, len(messages)]) + b"".join(messages)


def line(payload, ms=1_735_677_508_366, mac="DF:72:11:D2:6B:95", sensor="s-1", rssi=-72, kind="BLE legacy"):
    """A data message of DroneScout, protocol 1.0."""
    data = {"sensor ID": sensor, "RSSI": rssi, "channel": 0, "timestamp": ms, "MAC address": mac, "type": kind}
    return json.dumps({"protocol": 1.0, "data": data | {"UASdata": base64.b64encode(payload).decode()}})
