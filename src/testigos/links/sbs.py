"""BaseStation ("SBS-1", port 30003) text, live or logged, also with a time stamp before each line.

A line is ``MSG,3,session,aircraft,hex,flight,date,time,date,time,callsign,altitude,...``: 22 fields. Loggers
without a clock write ``START,<date>`` and put nanoseconds since then before each line; a receiver that lost
power can repeat an old START, so such times are only as good as its clock was.

Own rules: the time is the generated one, else the logged one, else START plus the stamp, all as UTC (some
writers use local time and do not say so). Transmission types 1 to 4 are extended squitters and count as
ADS-B, 5 to 8 as Mode S; lines that begin with ``MLAT`` are multilaterated. A line with fewer fields than its
kind needs may have been cut inside a number and is malformed.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._rows import address, gathered, rows, squawk_digits
from testigos.links._started import START, began, split_started, stamps
from testigos.links._text import bytes_of, fields, numbers, texts, times
from testigos.registry import Frames

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode_messages", "recognise", "split"]

NAME: Final = "sbs"
SPEC: Final = "BaseStation socket data format, http://woodair.net/sbs/article/barebones42_socket_data.htm"
CHECKED: Final = False
GIVES: Final = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "callsign",
    "squawk",
    "emergency",
    "offset",
    "length",
)

_LINE: Final = re.compile(rb"^(?:\d+,)?(?:MSG,[1-8]|MLAT,[1-8]|STA|AIR|ID|SEL|CLK),", re.MULTILINE)
_KINDS: Final = {"MSG": 22, "MLAT": 22, "STA": 10, "AIR": 10, "ID": 10, "SEL": 10, "CLK": 10}
_WIDTH: Final = 23
_TYPE, _HEX, _DATE, _LOGGED, _CALLSIGN, _ALT, _GS, _TRACK, _LAT, _LON, _VRATE, _SQUAWK = (
    *(1, 4, 6, 8),
    *range(10, 18),
)
_EMERGENCY, _GROUND = 19, 21


def recognise(head: bytes) -> int:
    """85 where most lines look like it, else 0."""
    whole = head[: head.rfind(b"\n") + 1] or head
    found = len(_LINE.findall(whole)) + len(START.findall(whole))
    return 85 if found and 2 * found >= whole.count(b"\n") else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a line; a START that was written into the middle of a line is a frame of its own."""
    return split_started(buffer, final)


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a line; ``carry`` is the last START in nanoseconds since 1970."""
    of = np.flatnonzero(~frames.context)
    begun, carry = began(frames, of, carry)
    if not len(of):
        return gathered([], GIVES), carry
    data = bytes_of(frames.buffer)
    start, stop = frames.start[of], frames.stop[of]
    begin, end, count = fields(data, start, stop, ",", _WIDTH)
    stamped = ((data[start] >= 48) & (data[start] <= 57)).astype(np.int64)
    row = np.arange(len(of))

    def field(k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return begin[row, k + stamped], end[row, k + stamped]

    def flag(k: int) -> pl.Series:
        said = texts(data, *field(k), lambda t: {"-1": "1", "1": "1", "0": "0"}.get(t))
        return said.cast(pl.Int8).cast(pl.Boolean)

    kind = texts(data, *field(0), lambda t: t if t in _KINDS else None)
    needs = kind.replace_strict(_KINDS, default=999, return_dtype=pl.Int64).to_numpy()
    sent = texts(data, *field(_TYPE), lambda t: t if t in "12345678" else None)
    object_id = texts(data, *field(_HEX), address)
    talks = kind.is_in(["MSG", "MLAT"]).fill_null(False)
    bad = (count - stamped < needs) | (object_id.is_null() & kind.ne_missing("CLK")).to_numpy()
    bad |= (talks & sent.is_null()).fill_null(False).to_numpy()

    odd = np.zeros(len(of), np.bool_)
    columns: dict[str, Any] = {"object_id": object_id}
    for name, k in (
        ("lat_deg", _LAT),
        ("lon_deg", _LON),
        ("alt_baro_ft", _ALT),
        ("gs_kt", _GS),
        ("track_deg", _TRACK),
        ("vrate_fpm", _VRATE),
    ):
        low, high = field(k)
        columns[name], wrong = numbers(data, low, high)
        if k in (_LAT, _LON):
            bad |= wrong
        odd |= wrong
    time_ns = np.full(len(of), -1, np.int64)
    stamp, known = stamps(data, begin[:, 0], end[:, 0])
    since = known & (stamped == 1) & (begun >= 0)
    time_ns[since] = begun[since] + stamp[since]
    for k in (_LOGGED, _DATE):  # the later one wins
        value, known, wrong = times(data, begin[row, k + stamped], end[row, k + 1 + stamped])
        empty = end[row, k + stamped] == begin[row, k + stamped]
        bad |= wrong & ~empty
        time_ns[known] = value[known]
    columns["time_ns"] = pl.Series(time_ns).set(pl.Series(time_ns == -1), None)
    squawk = texts(data, *field(_SQUAWK), squawk_digits)
    low, high = field(_SQUAWK)
    odd |= squawk.is_null().to_numpy() & (high > low)
    names = texts(data, *field(_CALLSIGN), lambda t: t.rstrip() or None)
    surface = (talks & (sent == "2")).fill_null(False)
    frame = pl.DataFrame({"k": kind, "s": sent, "surface": surface, "ground": flag(_GROUND), "sos": flag(_EMERGENCY)})
    frame = frame.select(
        source=pl.when(pl.col("k") == "MLAT")
        .then(pl.lit("mlat"))
        .when((pl.col("k") == "MSG") & pl.col("s").is_in(["1", "2", "3", "4"]))
        .then(pl.lit("adsb"))
        .when(pl.col("k") == "MSG")
        .then(pl.lit("mode_s"))
        .otherwise(pl.lit("unknown")),
        on_ground=pl.when(pl.col("surface")).then(True).otherwise(pl.col("ground")),
        emergency=pl.when(pl.col("sos")).then(pl.lit("emergency")),
    )
    columns |= {n: frame[n] for n in frame.columns}
    state = (kind == "STA").fill_null(False)  # STA has a state where others have a call sign
    columns |= {"squawk": squawk, "callsign": names.set(state, None)}
    return gathered([rows(frames, of, columns, bad, odd & ~bad)], GIVES), carry


def encode_messages(tracks: pl.DataFrame) -> bytes:
    """``MSG`` lines of rows that have an ICAO address and a time: 1 (call sign), 3 (position), 4 (velocity).

    Latitude and longitude have six decimals, speed and track one, altitude and rate none.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 1.5, "lon_deg": -2.25}
    >>> encode_messages(pl.DataFrame([row]))
    b'MSG,3,1,1,AE503D,1,1970/01/01,00:00:01.500,1970/01/01,00:00:01.500,,,,,1.500000,-2.250000,,,,,,\\r\\n'
    """
    wanted = {
        "lat_deg": pl.Float64,
        "lon_deg": pl.Float64,
        "alt_baro_ft": pl.Float64,
        "gs_kt": pl.Float64,
        "track_deg": pl.Float64,
        "vrate_fpm": pl.Float64,
        "callsign": pl.String,
        "squawk": pl.String,
        "on_ground": pl.Boolean,
    }
    table = tracks.with_columns(pl.lit(None, t).alias(n) for n, t in wanted.items() if n not in tracks.columns)
    table = table.filter(pl.col("object_id").str.contains("^(icao|anon):[0-9a-f]{6}$"), pl.col("time_ns").is_not_null())

    def text(name: str, decimals: int) -> pl.Expr:
        value = pl.col(name).cast(pl.Float64).round(decimals)
        exact = value.cast(pl.Decimal(18, decimals)) if decimals else value.cast(pl.Int64)
        return exact.cast(pl.String).fill_null("")

    moment = pl.from_epoch(pl.col("time_ns") + 500_000, time_unit="ns").dt.strftime("%Y/%m/%d,%H:%M:%S%.3f")
    who = pl.when(pl.col("object_id").str.starts_with("anon:")).then(pl.lit("~")).otherwise(pl.lit(""))
    head = pl.format("1,1,{}{},1,{},{}", who, pl.col("object_id").str.slice(5).str.to_uppercase(), moment, moment)
    ground = pl.when(pl.col("on_ground")).then(pl.lit("-1")).when(~pl.col("on_ground")).then(pl.lit("0"))
    tail = ground.fill_null("")
    has_position = pl.col("lat_deg").is_not_null() & pl.col("lon_deg").is_not_null()
    has_velocity = pl.any_horizontal(pl.col("gs_kt", "track_deg", "vrate_fpm").is_not_null())
    said = table.select(
        one=pl.when(pl.col("callsign").is_not_null()).then(
            pl.format("MSG,1,{},{},,,,,,,,,,,", head, pl.col("callsign").str.replace_all("[,\\r\\n]", ""))
        ),
        three=pl.when(has_position).then(
            pl.format(
                "MSG,3,{},,{},,,{},{},,{},,,,{}",
                head,
                text("alt_baro_ft", 0),
                text("lat_deg", 6),
                text("lon_deg", 6),
                pl.col("squawk").fill_null(""),
                tail,
            )
        ),
        four=pl.when(has_velocity).then(
            pl.format(
                "MSG,4,{},,,{},{},,,{},,,,,",
                head,
                text("gs_kt", 1),
                text("track_deg", 1),
                text("vrate_fpm", 0),
            )
        ),
    )
    ordered = said.select(pl.concat_list("one", "three", "four")).to_series().explode().drop_nulls().to_list()
    return "".join(line + "\r\n" for line in ordered).encode()
