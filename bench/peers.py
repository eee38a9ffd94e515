"""The same work by other packages, as their own documentation has it done; each import is at its use."""

import gzip
import json
import os
import struct
import tempfile
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

# traffic makes folders for its configuration and cache when it is imported
_FOLDER = tempfile.mkdtemp(prefix="bench-traffic-")
os.environ.setdefault("XDG_CONFIG_HOME", _FOLDER)
os.environ.setdefault("XDG_CACHE_HOME", _FOLDER)
warnings.filterwarnings("ignore")

GAP_MIN = 30


def frame(tracks: pl.DataFrame) -> Any:
    """Tracks as the pandas table that both trajectory packages want."""
    import pandas as pd

    return pd.DataFrame(
        {
            "timestamp": pd.to_datetime(tracks["time_ns"].to_numpy(), utc=True),
            "icao24": tracks["object_id"].to_numpy(),
            "callsign": tracks["object_id"].to_numpy(),
            "flight_id": tracks["object_id"].to_numpy(),
            "latitude": tracks["lat_deg"].to_numpy(),
            "longitude": tracks["lon_deg"].to_numpy(),
            "altitude": tracks["alt_baro_ft"].to_numpy(),
        }
    )


def flights(tracks: pl.DataFrame) -> list[Any]:
    """Each object's positions as a flight of traffic."""
    from traffic.core import Flight

    return [Flight(part) for _, part in frame(tracks).groupby("icao24", sort=False)]


def traffic_split(chosen: list[Any]) -> int:
    """Segments by gap."""
    return sum(1 for flight in chosen for _ in flight.split(f"{GAP_MIN} min"))


def movingpandas_collection(tracks: pl.DataFrame) -> Any:
    """Tracks as a collection of trajectories."""
    import movingpandas

    table = frame(tracks).assign(timestamp=lambda t: t.timestamp.dt.tz_localize(None))
    return movingpandas.TrajectoryCollection(
        table, traj_id_col="icao24", t="timestamp", x="longitude", y="latitude", crs="EPSG:4326"
    )


def movingpandas_split(collection: Any) -> int:
    """Segments by gap."""
    import movingpandas

    return len(movingpandas.ObservationGapSplitter(collection).split(gap=timedelta(minutes=GAP_MIN)))


def traffic_airports(fields: pl.DataFrame) -> Any:
    """Our airfields as a data set of traffic."""
    import pandas as pd

    class Dataset:
        data = pd.DataFrame(
            {
                "altitude": fields["elevation_ft"].to_numpy(),
                "country": fields["country"].to_list(),
                "iata": fields["iata"].to_list(),
                "icao": fields["icao"].to_list(),
                "latitude": fields["lat_deg"].to_numpy(),
                "longitude": fields["lon_deg"].to_numpy(),
                "name": fields["name"].to_list(),
            }
        )

    return Dataset()


def traffic_ends(chosen: list[Any], dataset: Any) -> list[tuple[str, str]]:
    """The airports nearest to both ends of each flight."""
    return [tuple(f.infer_airport(end, dataset=dataset).icao for end in ("takeoff", "landing")) for f in chosen]


def shapely_coast(segments: pl.DataFrame) -> Any:
    """The coast as lines in degrees."""
    import shapely

    ends = segments.select("lon1_deg", "lat1_deg", "lon2_deg", "lat2_deg").to_numpy()
    return shapely.linestrings(ends.reshape(-1, 2, 2))


def shapely_tree(lines: Any, lat: np.ndarray, lon: np.ndarray) -> Any:
    """Nearest line by a tree, in degrees (which are no distance)."""
    import shapely

    _, distance = shapely.STRtree(lines).query_nearest(
        shapely.points(lon, lat), return_distance=True, all_matches=False
    )
    return distance


def shapely_distance(lines: Any, lat: np.ndarray, lon: np.ndarray) -> Any:
    """Distance of each point to all lines as one geometry, in degrees."""
    import shapely

    coast = shapely.multilinestrings(lines)
    shapely.prepare(coast)
    return shapely.distance(shapely.points(lon, lat), coast)


def mainland_polygon(segments: pl.DataFrame) -> Any:
    """The mainland's coast as the polygon that traffic wants, closed by its chord."""
    from shapely import Polygon

    return Polygon(segments.select("lon1_deg", "lat1_deg").to_numpy())


def traffic_distance(polygon: Any, lat: np.ndarray, lon: np.ndarray) -> Any:
    """Distance of each position of a flight to a polygon, on an equal-area map."""
    import pandas as pd
    from traffic.core import Flight

    stamps = pd.date_range("2025-10-23", periods=len(lat), freq="1s", tz="UTC")
    return Flight(
        pd.DataFrame({"timestamp": stamps, "icao24": "0", "callsign": "0", "latitude": lat, "longitude": lon})
    ).distance(polygon)


def json_traces(paths: list[Path]) -> int:
    """readsb traces by the standard library and pandas."""
    import pandas as pd

    rows = 0
    for path in paths:
        raw = path.read_bytes()
        document = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        table = pd.DataFrame(document["trace"]).iloc[:, :8]
        table["time"] = document["timestamp"] + table[0]
        table["icao"] = document["icao"]
        rows += len(table)
    return rows


def struct_heatmap(path: Path) -> int:
    """A heatmap by the standard library."""
    rows = 0
    for address, lat, lon, alt, gs in struct.iter_unpack("<Iiihh", gzip.decompress(path.read_bytes())):
        if lat < 1 << 30:
            row = (f"{address & 0xFFFFFF:06x}", lat * 1e-6, lon * 1e-6, alt * 25, gs * 0.1)
            rows += len(row) > 0
    return rows
