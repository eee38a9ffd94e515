"""Are the right tracks joined, are transmitters of one address told apart, and is every join undone that became wrong?

Run: ``python bench/joins.py``. Simulated mixed traffic (``testigos.sim.mixed``): dense terminal areas, formations half
a mile to two apart, crossing traffic, vessels in fairways; each on up to three of ADS-B, UAT, FLARM, multilateration,
TIS-B and two radars (AIS, radar and Signal K at sea), each with its rhythm, latency, noise, bias and names; 5 % of the
objects have an address that another sends too, or are copied from elsewhere.

- *made*: every link ever made, and whether both tracks were one object;
- *pairs*: every two tracks heard for 90 s or more each: together at the end, or not, and whether they are one object;
- *strands*: every report of a name that two transmitters share, and whether its strand is one transmitter's;
- *undone*: the same traffic, but after a while one system of each object reports somebody else who leaves; every link
  that this makes wrong must be undone, and nothing else may be changed.

Exits with 1 where one of them is under 99 %, or a wrong link stays.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict

import numpy as np

from testigos.fuse.joins import Joiner, Strands, reason_words, strand_name
from testigos.sim import mixed as sim

S_NS = 1_000_000_000


class Run:
    """A picture in small: names to strands to slots, and the joiner."""

    def __init__(self, made: sim.Objects, heard: sim.Heard) -> None:
        self.made, self.heard = made, heard
        self.joiner, self.strands = Joiner(), Strands()
        self.slots: dict[tuple[int, int], int] = {}
        self.of: list[Counter[int]] = []  # true objects of each slot's reports
        self.slot_of = np.full(len(heard.true), -1)
        self.number = np.zeros(len(heard.true), np.uint8)
        keys = [f"{s} {n}" for s, n in zip(heard.system, heard.name, strict=True)]
        _, self.name = np.unique(np.array(keys), return_inverse=True)
        self.made_right = self.made_wrong = 0
        self.wrong: list[tuple[int, int, float, tuple[str, ...]]] = []
        self.took: list[float] = []
        self.when: dict[tuple[int, int], float] = {}

    def feed(self, rows: np.ndarray) -> None:
        h = self.heard
        number = self.strands.step(
            self.name[rows],
            h.time_ns[rows],
            h.lat_deg[rows],
            h.lon_deg[rows],
            h.radius95_m[rows],
            h.gs_kt[rows],
            h.track_deg[rows],
        )
        self.number[rows] = number
        keep = number > 0
        rows, number = rows[keep], number[keep]
        new = []
        for row, strand in zip(rows, number, strict=True):
            key = (int(self.name[row]), int(strand))
            if key not in self.slots:
                self.slots[key] = len(self.slots)
                self.of.append(Counter())
                new.append((self.slots[key], row, int(strand)))
            self.slot_of[row] = self.slots[key]
            self.of[self.slots[key]][int(h.true[row])] += 1
        if new:
            at = [r for _, r, _ in new]
            self.joiner.name(
                [s for s, _, _ in new],
                h.system[at].tolist(),
                [strand_name(h.name[r], n) for _, r, n in new],
                [sim.SYSTEMS[h.system[r]].source for r in at],
                h.kind[at],
                h.callsign[at],
                h.squawk[at],
                h.category[at],
            )
        self.joiner.see(
            self.slot_of[rows],
            h.time_ns[rows],
            h.lat_deg[rows],
            h.lon_deg[rows],
            h.radius95_m[rows],
            h.baro_ft[rows],
            h.geom_ft[rows],
            h.gs_kt[rows],
            h.track_deg[rows],
        )

    def truth(self, slot: int) -> int:
        return self.of[slot].most_common(1)[0][0]

    def go(self, until_s: float | None = None):
        h = self.heard
        second = (h.arrives_ns - sim.START_NS) // S_NS
        last = int(second[-1]) if until_s is None else int(until_s)
        bounds = np.searchsorted(second, np.arange(last + 2))
        for s in range(last + 1):
            self.feed(np.arange(bounds[s], bounds[s + 1]))
            begun = time.process_time()
            out = self.joiner.step(sim.START_NS + (s + 1) * S_NS)
            self.took.append(time.process_time() - begun)
            for a, b in zip(out.joined_a.tolist(), out.joined_b.tolist(), strict=True):
                if self.truth(a) == self.truth(b):
                    self.made_right += 1
                else:
                    self.made_wrong += 1
                    row = np.flatnonzero((out.slot_a == a) & (out.slot_b == b))[0]
                    self.wrong.append((a, b, float(out.score[row]), reason_words(int(out.reasons[row]))))
                self.when.setdefault((a, b), float(s))
            yield s, out


def describe(run: Run, slot: int) -> str:
    rows = np.flatnonzero(run.slot_of == slot)
    h = run.heard
    k = run.truth(slot)
    return (
        f"{sim.SYSTEMS[h.system[rows[0]]].name} {h.name[rows[0]]} object {k} {run.made.scene[k]} "
        f"copies {run.made.copies[k]} says {run.made.says[k]} reports {len(rows)}"
    )


def pairs(run: Run, cluster: np.ndarray, show: int) -> Counter[str]:
    """Pairs of tracks heard long enough, by scene."""
    h = run.heard
    told: Counter[str] = Counter()
    first, last = {}, {}
    for row in np.flatnonzero(run.slot_of >= 0):
        s = int(run.slot_of[row])
        first.setdefault(s, h.time_ns[row])
        last[s] = h.time_ns[row]
    members = defaultdict(list)
    together = defaultdict(list)
    for s in first:
        if last[s] - first[s] >= 90 * S_NS:
            members[run.truth(s)].append(s)
            together[int(cluster[s])].append(s)
    for k, slots in members.items():
        scene = run.made.scene[k]
        for i, a in enumerate(slots):
            for b in slots[i + 1 :]:
                if h.system[run.slot_of == a][0] == h.system[run.slot_of == b][0]:
                    continue
                told[f"{scene} true"] += 1
                if cluster[a] == cluster[b]:
                    told[f"{scene} found"] += 1
                elif show > 0:
                    show -= 1
                    print("  missed:", describe(run, a), "|", describe(run, b))
    for slots in together.values():
        for i, a in enumerate(slots):
            for b in slots[i + 1 :]:
                if run.truth(a) != run.truth(b):
                    told[f"{run.made.scene[run.truth(a)]} invented"] += 1
    return told


def by_address(run: Run) -> tuple[int, int]:
    """What joining names by their address alone would do: pairs of names put together, and those that are right.

    A name that two transmitters use is never wholly right.
    """
    h = run.heard
    objects: dict[tuple[str, int], set[int]] = defaultdict(set)
    for name, system, true in zip(h.name, h.system, h.true, strict=True):
        if name.startswith(("icao:", "mmsi:")):
            objects[name, int(system)].add(int(true))
    same: dict[str, list[set[int]]] = defaultdict(list)
    for (name, _), who in objects.items():
        same[name].append(who)
    pairs = [(a, b) for sets in same.values() for i, a in enumerate(sets) for b in sets[i + 1 :]]
    return len(pairs), sum(a == b and len(a) == 1 for a, b in pairs)


def strands(run: Run) -> tuple[int, int, int, int]:
    """Of shared names: reports on a strand of their own transmitter, all of strands; names, and names split."""
    h = run.heard
    by_name: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for name, true, number in zip(run.name, h.true, run.number, strict=True):
        by_name[int(name)][(int(true), int(number))] += 1
    right = every = names = split = 0
    false = 0
    for told in by_name.values():
        objects = {k for k, _ in told}
        numbers = {n for _, n in told if n}
        if len(objects) == 1:
            false += len(numbers) > 1
            continue
        names += 1
        for number in numbers:
            counts = [c for (_, n), c in told.items() if n == number]
            right += max(counts)
            every += sum(counts)
        owners = {max(((c, k) for (k, n), c in told.items() if n == number))[1] for number in numbers}
        split += owners == objects
    return right, every, names, split if not false else -false


def undone(count: int, seconds: float, seed: int, show: int) -> tuple[int, int, list[float]]:
    """Links that became wrong, those of them undone at the end, and the seconds that it took."""
    made = sim.objects(count, seconds, seed)
    turn_s = 0.5 * seconds
    away = np.where(made.scene == "harbour", 4.0, 60.0)
    run = Run(made, sim.report(made, seed, away, turn_s))
    wrong: dict[tuple[int, int], float | None] = {}
    for s, out in run.go():
        links = set(zip(out.slot_a.tolist(), out.slot_b.tolist(), strict=True))
        if s == int(turn_s):
            leaves = {slot: bool(run.heard.leaves[run.slot_of == slot][0]) for pair in links for slot in pair}
            wrong = {(a, b): None for a, b in links if leaves[a] != leaves[b]}
        for key, when in wrong.items():
            if when is None and key not in links:
                wrong[key] = s - turn_s
            elif when is not None and key in links:
                wrong[key] = None
    stays = [k for k, v in wrong.items() if v is None]
    for a, b in stays[:show]:
        print("  stays:", describe(run, a), "|", describe(run, b))
    return len(wrong), len(wrong) - len(stays), [v for v in wrong.values() if v is not None]


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="objects (default: 1000)")
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="how many of what is wrong to describe")
    parser.add_argument("--no-undone", action="store_true")
    options = parser.parse_args()
    made, heard = sim.mixed(options.count, options.seconds, options.seed)
    run = Run(made, heard)
    *_, (_, out) = run.go()
    print(f"{len(made.scene)} objects, {len(run.slots)} tracks, {len(heard.true)} reports, {options.seconds:.0f} s")
    took = np.array(run.took[5:]) * 1e3
    print(f"step: median {np.median(took):.1f} ms, most {took.max():.1f} ms; pairs looked at {len(run.joiner._keys)}")
    made_all = run.made_right + run.made_wrong
    print(f"links made: {made_all}, right {run.made_right} ({run.made_right / max(made_all, 1):.2%})")
    for a, b, odds, why in run.wrong[: options.show]:
        print(f"  wrong: {describe(run, a)} | {describe(run, b)} {odds:.1f} {why}")
    told = pairs(run, out.cluster, options.show)
    true = found = invented = 0
    for scene in sim.SCENES:
        t, f, w = (told[f"{scene} {x}"] for x in ("true", "found", "invented"))
        true, found, invented = true + t, found + f, invented + w
        print(f"  {scene}: {f} of {t} pairs together ({f / max(t, 1):.2%}), {w} invented")
    precision, recall = found / max(found + invented, 1), found / max(true, 1)
    print(f"pairs: precision {precision:.2%}, recall {recall:.2%}")
    every, right = by_address(run)
    print(f"by address alone: {every} pairs, {right} right ({right / max(every, 1):.2%}), {true} are to be found")
    right, every, names, split = strands(run)
    print(f"strands: {right} of {every} reports right ({right / max(every, 1):.2%}); {split} of {names} names split")
    good = min(precision, recall, run.made_right / max(made_all, 1), right / max(every, 1)) >= 0.99
    if not options.no_undone:
        wrong, parted, seconds = undone(options.count, options.seconds, options.seed, options.show)
        print(
            f"undone: {parted} of {wrong} links that became wrong, after {np.median(seconds):.0f} s "
            f"(median), {max(seconds):.0f} s at most"
        )
        good = good and wrong == parted
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
