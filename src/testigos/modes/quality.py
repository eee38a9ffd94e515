"""Navigation integrity of a position: the category NIC and the containment radius, by type code and version.

A message's type code names a class of integrity; in versions 1 and 2 supplement bits, some of them sent in other
messages, divide it. Where the version or a supplement is unknown, or the bits are a pair that the standard does not
define, the worst member of the class is taken: the largest radius and the lowest category. So a version that was
never announced gives the worst of all versions: TC 13 is NIC 6 and 1111.2 m, TC 16 is NIC 1 and 18,520 m.

Sources: version 0 RTCA DO-260 table 2-11 (HPL) and the NIC that DO-260B appendix N gives it; version 1 Doc 9871
(2nd edition) table B-2-15; version 2 Doc 9871 table C-2-15, DO-260B table 2-14; version 3 EUROCAE ED-102B table 2-11,
whose supplement D, two bits of a velocity message, is taken as unknown.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel

__all__ = ["integrity"]

_NMI: Final = 1852.0
_UNBOUNDED: Final = np.inf
_Grade = tuple[int, float]  # NIC, containment radius in metres

#: Classes that no supplement divides, the same in all versions.
_PLAIN: Final[dict[int, _Grade]] = {
    5: (11, 7.5),
    6: (10, 25.0),
    9: (11, 7.5),
    10: (10, 25.0),
    12: (7, 0.2 * _NMI),
    14: (5, 1.0 * _NMI),
    15: (4, 2.0 * _NMI),
    17: (1, 20.0 * _NMI),
    18: (0, _UNBOUNDED),
    22: (0, _UNBOUNDED),
}
#: Classes of heights above the ellipsoid before version 3, and since.
_GEOMETRIC: Final[dict[int, tuple[_Grade, _Grade]]] = {
    20: ((11, 7.5), (8, 0.1 * _NMI)),
    21: ((10, 25.0), (7, 0.2 * _NMI)),
}
_VERSION_0: Final[dict[int, _Grade]] = {
    7: (8, 0.1 * _NMI),
    8: (0, _UNBOUNDED),
    11: (8, 0.1 * _NMI),
    13: (6, 0.5 * _NMI),
    16: (1, 10.0 * _NMI),
}
#: By type code and the supplement of version 1.
_VERSION_1: Final[dict[int, dict[int, _Grade]]] = {
    7: {1: (9, 75.0), 0: (8, 0.1 * _NMI)},
    8: {1: (0, _UNBOUNDED), 0: (0, _UNBOUNDED)},
    11: {1: (9, 75.0), 0: (8, 0.1 * _NMI)},
    13: {1: (6, 0.6 * _NMI), 0: (6, 0.5 * _NMI)},
    16: {1: (3, 4.0 * _NMI), 0: (2, 8.0 * _NMI)},
}
#: By type code and the supplements of versions 2 and 3: A and, on the ground, C (TC 7, 8), else B.
_VERSION_2: Final[dict[int, dict[tuple[int, int], _Grade]]] = {
    7: {(1, 0): (9, 75.0), (0, 0): (8, 0.1 * _NMI)},
    8: {
        (1, 1): (7, 0.2 * _NMI),
        (1, 0): (6, 0.3 * _NMI),
        (0, 1): (6, 0.6 * _NMI),
        (0, 0): (0, _UNBOUNDED),
    },
    11: {(1, 1): (9, 75.0), (0, 0): (8, 0.1 * _NMI)},
    13: {(0, 1): (6, 0.3 * _NMI), (0, 0): (6, 0.5 * _NMI), (1, 1): (6, 0.6 * _NMI)},
    16: {(1, 1): (3, 4.0 * _NMI), (0, 0): (2, 8.0 * _NMI)},
}
_UNKNOWN: Final = 2  #: a supplement, in the tables below
_VERSION_UNKNOWN: Final = 4


def _worst(grades: list[_Grade]) -> _Grade:
    return min(nic for nic, _ in grades), max(radius for _, radius in grades)


def _grade(tc: int, version: int, a: int, other: int) -> _Grade:
    if tc in _PLAIN:
        return _PLAIN[tc]
    if version == _VERSION_UNKNOWN:
        return _worst([_grade(tc, known, _UNKNOWN, _UNKNOWN) for known in range(4)])
    if tc in _GEOMETRIC:
        return _GEOMETRIC[tc][version == 3]
    if version == 0:
        return _VERSION_0[tc]
    if version == 1:
        return _VERSION_1[tc].get(a) or _worst(list(_VERSION_1[tc].values()))
    return _VERSION_2[tc].get((a, other)) or _worst(list(_VERSION_2[tc].values()))


def _tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """NIC and radius by type code, version, supplement A and the other supplement."""
    nic, radius = np.zeros((32, 5, 3, 3), np.uint8), np.full((32, 5, 3, 3), np.nan, np.float32)
    for tc in (*range(5, 19), *range(20, 23)):
        for version in range(5):
            for a in range(3):
                for other in range(3):
                    found, bound = _grade(tc, version, a, other)
                    nic[tc, version, a, other] = found
                    radius[tc, version, a, other] = np.nan if bound == _UNBOUNDED else bound
    return nic, radius


_NICS, _RADII = _tables()


@kernel
def integrity(tc, version, a, other):  # type: ignore[no-untyped-def]
    """NIC and containment radius in metres (NaN: none) of a position with type code 5 to 18 or 20 to 22.

    ``version`` is the ADS-B version, ``a`` NIC supplement A, ``other`` supplement C on the ground and B in the air;
    255 where unknown.

    >>> nic, rc_m = integrity(13, 2, 1, 1)
    >>> int(nic), round(float(rc_m), 1)
    (6, 1111.2)
    """
    v = min(version, _VERSION_UNKNOWN)
    s = min(a, _UNKNOWN)
    t = min(other, _UNKNOWN)
    return _NICS[tc, v, s, t], _RADII[tc, v, s, t]
