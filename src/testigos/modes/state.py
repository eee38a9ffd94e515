"""What decoding remembers of each aircraft: the carry of the fold, one record an aircraft.

Times are ``clock_ns`` of the messages: nanoseconds since any moment, ``NEVER`` where it has not happened.
Unknown is NaN, or the highest number of an unsigned field.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["AIRCRAFT", "NEVER", "blank_aircraft"]

NEVER: Final = -(1 << 62)

#: One aircraft: an address heard from one kind of source. As ``np.record`` its fields are attributes uncompiled too.
AIRCRAFT: Final = np.dtype(
    (
        np.record,
        [
            ("key", np.uint32),  # address | anonymous << 24 | 0 ADS-B, 1 TIS-B, 2 ADS-R << 25
            ("confirmed_ns", np.int64),  # last message whose own parity vouches for the address
            # what it last said in extended squitters
            ("version", np.uint8),
            ("nic_a", np.uint8),
            ("nic_c", np.uint8),
            ("magnetic", np.uint8),  # its headings are from magnetic north (HRD)
            ("status_ns", np.int64),  # of the four above
            ("on_ground", np.uint8),
            ("alt_baro_ft", np.float32),
            ("alt_ns", np.int64),
            ("gs_kt", np.float32),
            ("track_deg", np.float32),
            ("vrate_fpm", np.float32),
            ("ias_kt", np.float32),
            ("tas_kt", np.float32),
            ("heading_mag_deg", np.float32),
            ("velocity_ns", np.int64),
            ("selected_alt_mcp_ft", np.float32),
            ("qnh_hpa", np.float32),
            ("selected_ns", np.int64),
            ("callsign", np.uint64),
            ("callsign_ns", np.int64),
            # Comm-B (commb.py)
            ("gicb", np.uint32),
            ("gicb_ns", np.int64),
            # positions (cpr.py): the last message of either format (0 even, 1 odd) that the track did not claim
            ("cpr_lat", np.uint32, (2,)),
            ("cpr_lon", np.uint32, (2,)),
            ("cpr_surface", np.uint8, (2,)),
            ("cpr_free", np.uint8, (2,)),  # 1: no rival claimed it either, so it may be half of a pair
            ("cpr_alt_ft", np.float32, (2,)),
            ("cpr_ns", np.int64, (2,)),
            ("cpr_status", np.uint8, (2,)),  # the verdict that it got, for the same message from another receiver
            ("cpr_lat_deg", np.float64, (2,)),
            ("cpr_lon_deg", np.float64, (2,)),
            # the track: the last position that is sure
            ("lat_deg", np.float64),
            ("lon_deg", np.float64),
            ("position_ns", np.int64),
            ("position_surface", np.uint8),
            # the rival: a position that is not sure yet, or a second aircraft with this address
            ("rival_lat_deg", np.float64),
            ("rival_lon_deg", np.float64),
            ("rival_ns", np.int64),
            ("rival_surface", np.uint8),
            ("rival_odd", np.uint8),
            ("rival_alt_ft", np.float32),
            ("rival_strength", np.uint8),  # how often even and odd took turns in agreeing
            ("rival_contested", np.uint8),  # 1: it began where the living track cannot have been; 2: it continues that
            ("contradicted_ns", np.int64),  # last message that neither track nor rival explained
        ],
    )
)


def blank_aircraft(count: int) -> npt.NDArray[np.void]:
    """``count`` records of which nothing is known."""
    made = np.zeros(count, AIRCRAFT)
    for name in AIRCRAFT.names or ():
        kind = made[name].dtype
        if kind == np.int64:
            made[name] = NEVER
        elif kind.kind == "f":
            made[name] = np.nan
        else:
            made[name] = np.iinfo(kind).max
    return made
