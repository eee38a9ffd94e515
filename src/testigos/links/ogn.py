"""Open Glider Network: lines of APRS-IS as OGN's servers send them, live or logged.

    FLRDDA5BA>APRS,qAS,LFMX:/165829h4415.41N/00600.03E'342/049/A=005524 !W26! id0ADDA5BA -454fpm -1.1rot gps4x5

A line is an aircraft's or a ground station's beacon, or a status. Lines of a server, which begin with #, are context:
the date in its signs of life, else ``began_ns``, dates the lines after it (``_aprs_time``). Without either there is no
time.

The id names the object: an ICAO address is ``icao:``, FLARM's ``flarm:``, an OGN tracker's ``ogn:``, Naviter's and
FANET's ``naviter:`` and ``fanet:``, a random or unknown one ``anon:``. Without an id the sender's name does, by its
first three letters; ground stations and other names are ``ogn:`` and the name. ``private`` is stealth or no tracking:
OGN asks that such aircraft are not shown. The sender, the tocall and the path are ``uid``, ``service``, ``receiver``
(what stands after the q-construct) and ``via``; TCPIP is no node.

Own rules. One rot is 3 degrees a second: the OGN tracker writes a third of degrees a second, and courses in published
examples turn so fast; the documents that say 1.5, or half a turn in two minutes, do not fit them. gps4x5 is metres
of nobody says which probability: it is taken as one standard deviation an axis, so that 2.448 times the first is the
radius of 95 %, and 1.96 times the second the error of the height. Course 000 is unknown, 000/000 speed too. What came
over OGADSB is ADS-B, over OGMLAT multilateration, over the tocalls of FLARM or of a sender named FLR or ICA FLARM.
A wrong word makes a line ``out_of_range``; two lines run together are malformed.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._aprs import FL, Lines, read_lines
from testigos.links._aprs_time import Clock, dated
from testigos.links._modes import PLAIN, Options
from testigos.links._rows import gathered, rows
from testigos.links._text import bytes_of, lines, texts
from testigos.registry import Frames, Link
from testigos.registry import frames as make_frames
from testigos.schema import KINDS

__all__ = [
    "CHECKED", "GIVES", "NAME", "SPEC", "UNDATED", "Ogn", "anchors", "configured", "decode", "recognise", "split",
]  # fmt: skip

NAME: Final = "ogn"
SPEC: Final = "github.com/glidernet/ogn-aprs-protocol; wiki.glidernet.org, OGN flavoured APRS; APRS 1.0.1"
CHECKED: Final = False
UNDATED: Final = True  #: takes ``began_ns``
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_msl_ft", "gs_kt"),
    *("track_deg", "vrate_geom_fpm", "callsign", "category", "registration", "type_code", "receiver", "offset"),
    *("length", "address", "track_rate_degps", "kind", "accuracy95_m", "height_accuracy95_m", "via", "uid", "remarks"),
    *("private", "service", "snr_db"),
)

_ROT_DEGPS: Final = 3.0
_RADIUS95: Final = 2.448  # of a circle in two axes, in standard deviations
_ERROR95: Final = 1.960
_SERVICE: Final = rb"(?:OG[A-Z0-9]{1,7}|APRS|FXCAPP)(?:-\d{1,2})?"
_LINE: Final = re.compile(
    rb"^(?:#[^\n]*|[!-+\--9;<=?-~]{1,20}>" + _SERVICE + rb",(?:[^,:\s]+,)*q[A-Z]{2},[^:\s]+:[/>@!=][^\n]*)\r?$", re.M
)
_BEACON: Final = re.compile(rb">" + _SERVICE + rb",")

#: Authority of an address by its type, then the sender's own name (``_aprs``).
_AUTHORITIES: Final = ("anon:", "icao:", "flarm:", "ogn:", "naviter:", "fanet:")
#: DO-260B's emitter category and the kind by FLARM's type of aircraft; planes are of unknown size.
_TYPES: Final = (
    *((None, "unknown"), ("B1", "aircraft"), (None, "aircraft"), ("A7", "aircraft"), ("B3", "person")),
    *((None, "aircraft"), ("B4", "aircraft"), ("B4", "aircraft"), (None, "aircraft"), (None, "aircraft")),
    *((None, "unknown"), ("B2", "aircraft"), ("B2", "aircraft"), ("B6", "drone"), (None, "unknown"), ("C3", "fixed")),
)
_KINDS: Final = pl.Series([*(kind for _, kind in _TYPES), "fixed", None], dtype=pl.Enum(KINDS))
_CATEGORIES: Final = pl.Series([*(f"{'ABCD'[k >> 3]}{k & 7}" for k in range(32)), *(c for c, _ in _TYPES), None])
_FIXED, _NO_KIND = len(_TYPES), len(_TYPES) + 1


def _word(text: str) -> str:
    return text


def _nodes(text: str) -> str | None:
    names = [name.removesuffix("*") for name in text.split(",")]
    return " ".join(n for n in names if n and n not in ("TCPIP", "TCPXX")) or None


def _said(text: str) -> str | None:
    return " ".join(text.split()) or None


def _sources(service: pl.Series, sender: pl.Series, station: npt.NDArray[np.bool_]) -> pl.Series:
    """How a position was obtained, by tocall, else by the sender's name."""
    frame = pl.DataFrame({"service": service.str.split("-").list.first(), "sender": sender, "station": station})
    radio = pl.col("service").is_in(["OGNFLR", "OGFLR", "OGFLR6", "OGFLR7"])
    own = pl.col("service").is_in(["APRS", "OGNTRK"]) & pl.col("sender").str.contains("^(FLR|ICA)[0-9A-Fa-f]{6}$")
    said = (
        pl.when(pl.col("service") == "OGADSB").then(pl.lit("adsb"))
        .when(pl.col("service") == "OGMLAT").then(pl.lit("mlat"))
        .when((radio | own) & ~pl.col("station")).then(pl.lit("flarm"))
        .otherwise(pl.lit("other"))
    )  # fmt: skip
    return frame.select(said).to_series()


def _names(found: Lines, sender: pl.Series) -> pl.Series:
    """Object ids: authority and address, or the sender's name."""
    scheme, address = found.whole("scheme"), found.whole("address")
    addressed = scheme < len(_AUTHORITIES)
    keys, inverse = np.unique(np.where(addressed, scheme << 24 | address, -1), return_inverse=True)
    made = pl.Series(
        [f"{_AUTHORITIES[k >> 24]}{k & 0xFFFFFF:06x}" if k >= 0 else None for k in keys.tolist()], dtype=pl.String
    )
    frame = pl.DataFrame({"by_id": made.gather(inverse), "by_name": "ogn:" + sender})
    return frame.select(pl.coalesce("by_id", "by_name")).to_series()


@dataclass(frozen=True)
class Ogn:
    """The link with options, as ``registry.Link``."""

    options: Options = PLAIN
    NAME: str = NAME
    SPEC: str = SPEC
    CHECKED: bool = CHECKED
    GIVES: tuple[str, ...] = GIVES
    UNDATED: bool = UNDATED

    def recognise(self, head: bytes) -> int:
        """92 where half of the lines or more are such or a server's, and one is of OGN; else 0."""
        whole = head[: head.rfind(b"\n") + 1] or head
        found = _LINE.findall(whole)
        beacons = sum(1 for line in found if line[:1] != b"#" and _BEACON.search(line))
        servers = sum(line.startswith((b"# aprsc", b"# logresp")) for line in found)
        many = 2 * len(found) >= whole.count(b"\n")
        return 92 if many and (beacons or servers) else 0

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """A frame a line; those of a server are context."""
        start, stop, rest = lines(buffer, final)
        return make_frames(buffer, start, stop, bytes_of(buffer)[start] == 35 if len(start) else None), rest

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """A row a line; ``carry`` is the clock."""
        of = np.flatnonzero(~frames.context)
        found, time_ns, _, clock = self._read(frames, carry)
        if not len(of):
            return gathered([], GIVES), clock
        return gathered([_table(frames, of, found, time_ns[of])], GIVES), clock

    def anchors(self, frames: Frames, carry: Any) -> npt.NDArray[np.bool_]:
        """The lines that moved the clock, or could have."""
        return self._read(frames, carry)[2]

    def _read(self, frames: Frames, carry: Any) -> tuple[Lines, npt.NDArray[np.int64], npt.NDArray[np.bool_], Clock]:
        """The lines that are no context, and the times of all."""
        of = np.flatnonzero(~frames.context)
        found = read_lines(bytes_of(frames.buffer), frames.start[of], frames.stop[of])
        form, said = np.zeros(len(frames), np.int64), np.zeros(len(frames), np.int64)
        form[of], said[of] = np.where(found.damaged, 0, found.whole("form")), found.whole("time")
        before = Clock.fresh(self.options.began_ns) if carry is None else cast(Clock, carry)
        return found, *dated(frames, form, said, before)


def _table(frames: Frames, of: npt.NDArray[np.int64], found: Lines, time_ns: npt.NDArray[np.int64]) -> pl.DataFrame:
    data = bytes_of(frames.buffer)
    sender, service = texts(data, *found.span("sender"), _word), texts(data, *found.span("service"), _word)
    flags, category = found.whole("flags"), found.whole("category")
    kind = np.where(flags >= 0, flags >> 2, _NO_KIND)
    kind = np.where(found.station | found.weather, _FIXED, kind)
    emitter = np.where(category >= 0, category, np.where(flags >= 0, 32 + (flags >> 2), len(_CATEGORIES) - 1))
    scheme = found.whole("scheme")
    addressed = scheme < len(_AUTHORITIES)
    before, after = (texts(data, found.path[k], found.path[k + 1], _nodes) for k in (0, 2))
    path = pl.DataFrame({"a": before, "b": after}).select(pl.concat_str("a", "b", separator=" ", ignore_nulls=True))
    via = path.to_series()
    columns: dict[str, Any] = {
        "object_id": _names(found, sender),
        "time_ns": pl.Series(time_ns).set(pl.Series(time_ns < 0), None),
        "source": _sources(service, sender, found.station),
        "lat_deg": found.number("lat"),
        "lon_deg": found.number("lon"),
        "alt_baro_ft": found.number("level") * FL,
        "alt_msl_ft": found.number("alt"),
        "gs_kt": found.number("speed"),
        "track_deg": np.where(found.number("course") == 360.0, 0.0, found.number("course")),
        "vrate_geom_fpm": found.number("climb"),
        "callsign": texts(data, *found.span("callsign"), _word),
        "category": _CATEGORIES.gather(emitter),
        "registration": texts(data, *found.span("registration"), _word),
        "type_code": texts(data, *found.span("model"), _word),
        "receiver": texts(data, *found.span("receiver"), _word),
        "address": pl.Series(found.whole("address")).set(pl.Series(~addressed), None).cast(pl.UInt32),
        "track_rate_degps": found.number("turn") * _ROT_DEGPS,
        "kind": _KINDS.gather(kind),
        "accuracy95_m": found.number("across") * _RADIUS95,
        "height_accuracy95_m": found.number("upright") * _ERROR95,
        "via": via.set(via == "", None),
        "uid": sender,
        "remarks": texts(data, *found.span("said"), _said),
        "private": pl.Series((flags & 3) > 0).set(pl.Series(flags < 0), None),
        "service": service,
        "snr_db": found.number("snr"),
    }
    return rows(frames, of, columns, found.damaged, found.odd & ~found.damaged)


def configured(options: Options) -> Link:
    """The link with options, of which ``began_ns`` counts: UTC near the first line, or the midnight its day began.

    >>> link = configured(Options(began_ns=1_436_832_000_000_000_000))
    >>> line = b"FLRDDA5BA>APRS,qAS,LFMX:/165829h4415.41N/00600.03E'342/049/A=005524 id0ADDA5BA -1.1rot gps4x5"
    >>> frames, _ = link.split(line, True)
    >>> link.decode(frames, None)[0].select("object_id", "time_ns", "gs_kt", "receiver").row(0)
    ('flarm:dda5ba', 1436893109000000000, 49.0, 'LFMX')
    """
    return cast(Link, Ogn(options))


_PLAIN: Final = Ogn()
recognise, split, decode, anchors = _PLAIN.recognise, _PLAIN.split, _PLAIN.decode, _PLAIN.anchors
