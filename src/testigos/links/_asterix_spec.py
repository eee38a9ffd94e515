"""What ASTERIX records look like: the user application profiles (UAP) of categories 021, 048 and 062, as data.

One line an item, in the order of the UAP: the first line has field reference number (FRN) 1, and ``--`` is a number
without an item. A line is the item, its format, and its elements from the highest bit on. Formats:

==============  ==============================================================================================
``4``           so many bytes
``fx``          parts that end in a bit FX, 1 where another part follows; ``fx 3``: parts of three bytes
``rep 8``       a byte with a number, then so many times eight bytes
``compound``    presence bits in parts as of ``fx``, then the subfields that they name: the lines set in below
``explicit``    a byte with the length, itself included; where lines are set in below, a compound is inside
==============  ==============================================================================================

An element is ``NAME:bits``, ``s`` after the bits where it is in two's complement, then ``*`` and the value of its
lowest bit with the unit. ``-3`` are three spare bits, ``|`` is FX.

Sources: EUROCONTROL-SPEC-0149-12, Category 021, edition 2.6, with Appendix A, edition 1.5 (the same item lengths since
2.1; I021/271 as of 2.2); EUROCONTROL-SPEC-0149-4, Category 048, edition 1.32 (the same lengths since 1.27; flight
levels in two's complement, which 1.32 says); EUROCONTROL-SPEC-0149-9, Category 062, edition 1.20 (the same lengths
since 1.16). Also read for facts: their definitions in github.com/zoranbosnjak/asterix-specs.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["CATEGORIES", "COMPOUND", "EXPLICIT", "FIXED", "FX", "PROFILES", "REPEATED", "Element", "Item", "Tables",
           "profile", "tables"]  # fmt: skip

#: The categories that are read record by record.
CATEGORIES: Final = (21, 48, 62)

PROFILES: Final[dict[int, str]] = {
    21: """
010 2   SAC:8 SIC:8
040 fx  ATP:3 ARC:2 RC:1 RAB:1 | DCR:1 GBS:1 SIM:1 TST:1 SAA:1 CL:2 | -1 LLC:1 IPC:1 NOGO:1 CPR:1 LDPJ:1 RCF:1 |
    ... TBC_EP:1 TBC:6 | MBC_EP:1 MBC:6 |
161 2   -4 TRNUM:12
015 1   SI:8
071 3   TOD:24*1/2^7s
130 6   LAT:24s*180/2^23deg LON:24s*180/2^23deg
131 8   LAT:32s*180/2^30deg LON:32s*180/2^30deg
072 3   TOD:24*1/2^7s
150 2   IM:1 AS:15*1/2^14NM/s
151 2   RE:1 TAS:15*1kt
080 3   ADR:24
073 3   TOD:24*1/2^7s
074 4   FSI:2 TOMRP:30*1/2^30s
075 3   TOD:24*1/2^7s
076 4   FSI:2 TOMRP:30*1/2^30s
140 2   GH:16s*25/2^2ft
090 fx  NUCRNACV:3 NUCPNIC:4 | NICBARO:1 SIL:2 NACP:4 | -2 SILS:1 SDA:2 GVA:2 | PIC:4 -3 |
210 1   -1 VNS:1 VN:3 LTT:3
070 2   -4 MODE3A:12
230 2   RA:16s*1/100deg
145 2   FL:16s*1/2^2FL
152 2   MH:16*360/2^16deg
200 1   ICF:1 LNAV:1 ME:1 PS:3 SS:2
155 2   RE:1 BVR:15s*25/2^2ft/min
157 2   RE:1 GVR:15s*25/2^2ft/min
160 4   RE:1 GS:15*1/2^14NM/s TA:16*360/2^16deg
165 2   -6 TAR:10s*1/2^5deg/s
077 3   TOD:24*1/2^7s
170 6   TI:48
020 1   ECAT:8
220 compound
    WS  2   WS:16*1kt
    WD  2   WD:16*1deg
    TMP 2   TMP:16s*1/2^2degC
    TRB 1   TRB:8
146 2   SAS:1 S:2 ALT:13s*25ft
148 2   MV:1 AH:1 AM:1 ALT:13s*25ft
110 compound
    TIS fx      NAV:1 NVB:1 -5 |
    TID rep 15  TCA:1 NC:1 TCPN:6 ALT:16s*10ft LAT:24s*180/2^23deg LON:24s*180/2^23deg PT:4 TD:2 TRA:1 TOA:1
    ... TOV:24*1s TTR:16*1/100NM
016 1   RP:8*1/2s
008 1   RA:1 TC:2 TS:1 ARV:1 CDTIA:1 NOTTCAS:1 SA:1
271 fx  -2 POA:1 CDTIS:1 B2LOW:1 RAS:1 IDENT:1 | LW:4 -3 |
132 1   MAM:8s*1dBm
250 rep 8   MB:56 BDS1:4 BDS2:4
260 7   TYP:5 STYP:3 ARA:14 RAC:4 RAT:1 MTE:1 TTI:2 TID:26
400 1   RID:8
295 compound
    AOS 1   AOS:8*1/10s
    TRD 1   TRD:8*1/10s
    M3A 1   M3A:8*1/10s
    QI  1   QI:8*1/10s
    TI1 1   TI1:8*1/10s
    MAM 1   MAM:8*1/10s
    GH  1   GH:8*1/10s
    FL  1   FL:8*1/10s
    SAL 1   SAL:8*1/10s
    FSA 1   FSA:8*1/10s
    AS  1   AS:8*1/10s
    TAS 1   TAS:8*1/10s
    MH  1   MH:8*1/10s
    BVR 1   BVR:8*1/10s
    GVR 1   GVR:8*1/10s
    GV  1   GV:8*1/10s
    TAR 1   TAR:8*1/10s
    TI2 1   TI2:8*1/10s
    TS  1   TS:8*1/10s
    MET 1   MET:8*1/10s
    ROA 1   ROA:8*1/10s
    ARA 1   ARA:8*1/10s
    SCC 1   SCC:8*1/10s
--
--
--
--
--
RE explicit
    BPS 2   -4 BPS:12*1/10hPa
    SH  2   -4 HDR:1 STAT:1 SH:10*45/2^6deg
    NAV 1   AP:1 VN:1 AH:1 AM:1 MFM_EP:1 MFM:1 -2
    GAO 1   GAO:8
    SGV fx 2 1  STP:1 HTS:1 HTT:1 HRD:1 GSS:11*1/2^3kt | HGT:7*45/2^4deg |
    STA fx
    TNH 2   TNH:16*360/2^16deg
SP explicit
""",
    48: """
010 2   SAC:8 SIC:8
140 3   TOD:24*1/2^7s
020 fx  TYP:3 SIM:1 RDP:1 SPI:1 RAB:1 | TST:1 ERR:1 XPP:1 ME:1 MI:1 FOEFRI:2 | ADSB_EP:1 ADSB:1 SCN_EP:1 SCN:1
    ... PAI_EP:1 PAI:1 -1 |
040 4   RHO:16*1/2^8NM THETA:16*360/2^16deg
070 2   V:1 G:1 L:1 -1 MODE3A:12
090 2   V:1 G:1 FL:14s*1/2^2FL
130 compound
    SRL 1   SRL:8*360/2^13deg
    SRR 1   SRR:8
    SAM 1   SAM:8s*1dBm
    PRL 1   PRL:8*360/2^13deg
    PAM 1   PAM:8s*1dBm
    RPD 1   RPD:8s*1/2^8NM
    APD 1   APD:8s*360/2^14deg
220 3   ADR:24
240 6   TI:48
250 rep 8   MB:56 BDS1:4 BDS2:4
161 2   -4 TRN:12
042 4   X:16s*1/2^7NM Y:16s*1/2^7NM
200 4   GSP:16*1/2^14NM/s HDG:16*360/2^16deg
170 fx  CNF:1 RAD:2 DOU:1 MAH:1 CDM:2 | TRE:1 GHO:1 SUP:1 TCC:1 -3 |
210 4   SIGX:8*1/2^7NM SIGY:8*1/2^7NM SIGV:8*1/2^14NM/s SIGH:8*360/2^12deg
030 fx
080 2   -4 QUALITY:12
100 4   V:1 G:1 -2 MODEC:12 -4 QUALITY:12
110 2   -2 3DH:14s*25ft
120 compound
    CAL 2       D:1 -5 CAL:10s*1m/s
    RDS rep 6   DOP:16*1m/s AMB:16*1m/s FRQ:16*1MHz
230 2   COM:3 STAT:3 SI:1 -1 MSSC:1 ARC:1 AIC:1 B1A:1 B1B:4
260 7   RA:56
055 1   V:1 G:1 L:1 MODE1:5
050 2   V:1 G:1 L:1 -1 MODE2:12
065 1   -3 QUALITY:5
060 2   -4 QUALITY:12
SP explicit
RE explicit
""",
    62: """
010 2   SAC:8 SIC:8
--
015 1   SI:8
070 3   TOD:24*1/2^7s
105 8   LAT:32s*180/2^25deg LON:32s*180/2^25deg
100 6   X:24s*1/2m Y:24s*1/2m
185 4   VX:16s*1/2^2m/s VY:16s*1/2^2m/s
210 2   AX:8s*1/2^2m/s2 AY:8s*1/2^2m/s2
060 2   V:1 G:1 CH:1 -1 MODE3A:12
245 7   STI:2 -6 CHR:48
380 compound
    ADR 3       ADR:24
    ID  6       ID:48
    MHG 2       MHG:16*360/2^16deg
    IAS 2       IM:1 IAS:15*1/2^14NM/s
    TAS 2       TAS:16*1kt
    SAL 2       SAS:1 SRC:2 ALT:13s*25ft
    FSS 2       MV:1 AH:1 AM:1 ALT:13s*25ft
    TIS fx      NAV:1 NVB:1 -5 |
    TID rep 15  TCA:1 NC:1 TCPN:6 ALT:16s*10ft LAT:24s*180/2^23deg LON:24s*180/2^23deg PT:4 TD:2 TRA:1 TOA:1
    ... TOV:24*1s TTR:16*1/100NM
    COM 2       COM:3 STAT:3 -2 SSC:1 ARC:1 AIC:1 B1A:1 B1B:4
    SAB 2       AC:2 MN:2 DC:2 GBS:1 -6 STAT:3
    ACS 7       RA:56
    BVR 2       BVR:16s*25/2^2ft/min
    GVR 2       GVR:16s*25/2^2ft/min
    RAN 2       RAN:16s*1/100deg
    TAR 2       TI:2 -6 ROT:7s*1/2^2deg/s -1
    TAN 2       TAN:16*360/2^16deg
    GS  2       GS:16s*1/2^14NM/s
    VUN 1       VUN:8
    MET 8       WS:1 WD:1 TMP:1 TRB:1 -4 WSD:16*1kt WDD:16*1deg TMPD:16s*1/2^2degC TRBD:8
    EMC 1       EMC:8
    POS 6       LAT:24s*180/2^23deg LON:24s*180/2^23deg
    GAL 2       GAL:16s*25/2^2ft
    PUN 1       -4 PUN:4
    MB  rep 8   MB:56 BDS1:4 BDS2:4
    IAR 2       IAR:16*1kt
    MAC 2       MAC:16*1/125Mach
    BPS 2       -4 BPS:12*1/10mb
040 2   TRK:16
080 fx  MON:1 SPI:1 MRH:1 SRC:3 CNF:1 | SIM:1 TSE:1 TSB:1 FPC:1 AFF:1 STP:1 KOS:1 | AMA:1 MD4:2 ME:1 MI:1 MD5:2 |
    ... CST:1 PSR:1 SSR:1 MDS:1 ADS:1 SUC:1 AAC:1 | SDS:2 EMS:3 PFT:1 FPLT:1 |
    ... DUPT:1 DUPF:1 DUPM:1 SFC:1 IDD:1 IEC:1 MLAT:1 |
290 compound
    TRK 1   TRK:8*1/2^2s
    PSR 1   PSR:8*1/2^2s
    SSR 1   SSR:8*1/2^2s
    MDS 1   MDS:8*1/2^2s
    ADS 2   ADS:16*1/2^2s
    ES  1   ES:8*1/2^2s
    VDL 1   VDL:8*1/2^2s
    UAT 1   UAT:8*1/2^2s
    LOP 1   LOP:8*1/2^2s
    MLT 1   MLT:8*1/2^2s
200 1   TRANS:2 LONG:2 VERT:2 ADF:1 -1
295 compound
    MFL 1   MFL:8*1/2^2s
    MD1 1   MD1:8*1/2^2s
    MD2 1   MD2:8*1/2^2s
    MDA 1   MDA:8*1/2^2s
    MD4 1   MD4:8*1/2^2s
    MD5 1   MD5:8*1/2^2s
    MHG 1   MHG:8*1/2^2s
    IAS 1   IAS:8*1/2^2s
    TAS 1   TAS:8*1/2^2s
    SAL 1   SAL:8*1/2^2s
    FSS 1   FSS:8*1/2^2s
    TID 1   TID:8*1/2^2s
    COM 1   COM:8*1/2^2s
    SAB 1   SAB:8*1/2^2s
    ACS 1   ACS:8*1/2^2s
    BVR 1   BVR:8*1/2^2s
    GVR 1   GVR:8*1/2^2s
    RAN 1   RAN:8*1/2^2s
    TAR 1   TAR:8*1/2^2s
    TAN 1   TAN:8*1/2^2s
    GSP 1   GSP:8*1/2^2s
    VUN 1   VUN:8*1/2^2s
    MET 1   MET:8*1/2^2s
    EMC 1   EMC:8*1/2^2s
    POS 1   POS:8*1/2^2s
    GAL 1   GAL:8*1/2^2s
    PUN 1   PUN:8*1/2^2s
    MB  1   MB:8*1/2^2s
    IAR 1   IAR:8*1/2^2s
    MAC 1   MAC:8*1/2^2s
    BPS 1   BPS:8*1/2^2s
136 2   MFL:16s*1/2^2FL
130 2   ALT:16s*25/2^2ft
135 2   QNH:1 CTB:15s*1/2^2FL
220 2   ROCD:16s*25/2^2ft/min
390 compound
    TAG 2       SAC:8 SIC:8
    CS  7       CS:56
    IFI 4       TYP:2 -3 NBR:27
    FCT 1       GATOAT:2 FR1FR2:2 RVSM:2 HPR:1 -1
    TAC 4       TAC:32
    WTC 1       WTC:8
    DEP 4       DEP:32
    DST 4       DST:32
    RDS 3       NU1:8 NU2:8 LTR:8
    CFL 2       CFL:16*1/2^2FL
    CTL 2       CENTRE:8 POSITION:8
    TOD rep 4   TYP:5 DAY:2 -4 HOR:5 -2 MIN:6 AVS:1 -1 SEC:6
    AST 6       AST:48
    STS 1       EMP:2 AVL:2 -4
    STD 7       STD:56
    STA 7       STA:56
    PEM 2       -3 VA:1 MODE3A:12
    PEC 7       PEC:56
270 fx  LENGTH:7*1m | ORIENTATION:7*360/2^7deg | WIDTH:7*1m |
300 1   VFI:8
110 compound
    SUM 1   M5:1 ID:1 DA:1 M1:1 M2:1 M3:1 MC:1 X:1
    PMN 4   -2 PIN:14 -3 NAT:5 -2 MIS:6
    POS 6   LAT:24s*180/2^23deg LON:24s*180/2^23deg
    GA  2   -1 RES:1 GA:14s*25ft
    EM1 2   -4 EM1:12
    TOS 1   TOS:8s*1/2^7s
    XP  1   -3 X5:1 XC:1 X3:1 X2:1 X1:1
120 2   -4 MODE2:12
510 fx 3
500 compound
    APC 4   X:16*1/2m Y:16*1/2m
    COV 2   COV:16s*1/2m
    APW 4   LAT:16*180/2^25deg LON:16*180/2^25deg
    AGA 1   AGA:8*25/2^2ft
    ABA 1   ABA:8*1/2^2FL
    ATV 2   X:8*1/2^2m/s Y:8*1/2^2m/s
    AA  2   X:8*1/2^2m/s2 Y:8*1/2^2m/s2
    ARC 1   ARC:8*25/2^2ft/min
340 compound
    SID 2       SAC:8 SIC:8
    POS 4       RHO:16*1/2^8NM THETA:16*360/2^16deg
    HEIGHT 2    HEIGHT:16s*25ft
    MDC 2       V:1 G:1 LMC:14s*1/2^2FL
    MDA 2       V:1 G:1 L:1 -1 MODE3A:12
    TYP 1       TYP:3 SIM:1 RAB:1 TST:1 -2
--
--
--
--
--
RE explicit
SP explicit
""",
}

#: Kinds of format, as the kernels know them.
FIXED, FX, REPEATED, COMPOUND, EXPLICIT = range(5)

_KINDS: Final = {"fx": FX, "rep": REPEATED, "compound": COMPOUND, "explicit": EXPLICIT}
_ELEMENT: Final = re.compile(r"(\w+):(\d+)(s?)(?:\*(\d+)(?:/(\d+)(?:\^(\d+))?)?([A-Za-z].*))?")


@dataclass(frozen=True, slots=True)
class Element:
    """Some bits of an item, the first at ``bit``; value = number x ``step``, in ``unit`` (empty: a code)."""

    name: str
    bit: int
    bits: int
    signed: bool
    step: Fraction
    unit: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item or a subfield: ``size`` bytes (of the first part and of one repetition); ``later`` of parts after FX."""

    name: str
    kind: int
    size: int
    later: int
    elements: tuple[Element, ...]
    subfields: tuple["Item | None", ...]


def _elements(words: list[str]) -> tuple[Element, ...]:
    found, bit = [], 0
    for word in words:
        if word == "|":
            bit += 1
        elif word.startswith("-"):
            bit += int(word[1:])
        else:
            parts = _ELEMENT.fullmatch(word)
            assert parts, word
            name, bits, sign, over, under, power, unit = parts.groups()
            step = Fraction(int(over or 1), int(under or 1) ** int(power or 1))
            found.append(Element(name, bit, int(bits), bool(sign), step, unit or ""))
            bit += int(bits)
    return tuple(found)


def _item(line: str, subfields: tuple["Item | None", ...]) -> Item | None:
    name, *words = line.split()
    if name == "--":
        return None
    kind = _KINDS.get(words[0], FIXED)
    words = words[0 if kind == FIXED else 1 :]
    sizes = []
    while words and words[0].isdigit():
        sizes.append(int(words.pop(0)))
    size = sizes[0] if sizes else 1
    return Item(name, kind, size, sizes[1] if len(sizes) > 1 else size, _elements(words), subfields)


@cache
def profile(category: int) -> tuple[Item | None, ...]:
    """The items of a category in the order of their FRN; null where a number has none.

    >>> item = profile(21)[5]
    >>> item.name, item.size, [(e.name, e.bit, e.bits, e.signed, str(e.step), e.unit) for e in item.elements]
    ('130', 6, [('LAT', 0, 24, True, '45/2097152', 'deg'), ('LON', 24, 24, True, '45/2097152', 'deg')])
    """
    text = PROFILES[category].replace("\n    ...", " ").strip().split("\n")
    made: list[Item | None] = []
    inner: list[Item | None] = []
    for line in reversed(text):
        if line.startswith(" "):
            inner.insert(0, _item(line, ()))
        else:
            made.insert(0, _item(line, tuple(inner)))
            inner = []
    return tuple(made)


class Tables(NamedTuple):
    """The profiles for kernels.

    ``uap`` (3, 64): the node of each FRN, from 0, -1 where it has none; ``most`` (3,): bytes of the longest FSPEC.
    ``nodes`` (N, 8): kind, size, later size, first subfield, their number, first wanted element, their number, and the
    slot that is given the place of a repetition, or -1. ``elements`` (M, 5): first bit, bits, signed, slot, reserved.
    ``step`` (3, slots): the value of the lowest bit of what a slot holds.
    """

    uap: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int64]
    elements: npt.NDArray[np.int64]
    step: npt.NDArray[np.float64]


def tables(wanted: dict[int, dict[str, int]], slots: int) -> Tables:
    """For each category the slot of each element that is read: ``"130/LAT"``, ``"380/ID/ID"``, ``"250"`` for a place.

    Raises ``KeyError`` where an element is none of the profile.
    """
    uap = np.full((len(CATEGORIES), 64), -1, np.int64)
    most = np.zeros(len(CATEGORIES), np.int64)
    step = np.ones((len(CATEGORIES), slots))
    nodes: list[list[int]] = []
    elements: list[list[int]] = []
    for number, category in enumerate(CATEGORIES):
        left = dict(wanted[category])

        def put(node: int, item: Item, path: str, left: dict[str, int] = left, number: int = number) -> None:
            first = len(elements)
            for e in item.elements:
                slot = left.pop(f"{path}/{e.name}", -1)
                if slot >= 0:
                    elements.append([e.bit, e.bits, int(e.signed), slot])
                    step[number, slot] = float(e.step)
            place = left.pop(path, -1)
            nodes[node] = [item.kind, item.size, item.later, len(nodes), len(item.subfields), first,
                           len(elements) - first, place]  # fmt: skip
            inner = range(len(nodes), len(nodes) + len(item.subfields))
            nodes.extend([] for _ in inner)
            for sub, below in zip(inner, item.subfields, strict=True):
                assert below
                put(sub, below, f"{path}/{below.name}")

        for frn, item in enumerate(profile(category)):
            if item is not None:
                uap[number, frn] = len(nodes)
                nodes.append([])
                put(len(nodes) - 1, item, item.name)
                most[number] = frn // 7 + 1
        if left:
            raise KeyError(f"category {category}: {', '.join(left)}")
    return Tables(uap, most, np.array(nodes, np.int64), np.array(elements, np.int64), step)
