"""Sets are read and judged once, whatever is scored on them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.detection.chance import DRAWS
from bench.detection.chosen import Chosen
from bench.detection.degrade import DEGRADED, degraded, is_same
from bench.detection.doubled import campus, doubled
from bench.detection.jobs import APPLIANCE, CAMPUS, Half, Job
from bench.detection.judging import Judged, judge
from bench.detection.rooms import RoomsAccused, rooms_accused
from bench.detection.scoring import SEED, Score, score
from bench.detection.sets import DataSet, load

EVEN_SEED, ODD_SEED = 102, 103
CAMPUS_SHARE, CAMPUS_QUIET_DAYS = 0.3, 21
"""A third of the rooms at most: if all did it, it would be the season."""


def as_rooms(data: DataSet) -> DataSet:
    """The same meters, each place taken for a room: the rule about appliances judges rooms alone."""
    nodes = {name: replace(node, kind="room") for name, node in data.site.nodes.items()}
    return replace(data, site=replace(data.site, nodes=nodes))


MADE: Mapping[str, Callable[[DataSet], DataSet]] = {"doubled": lambda data: doubled(data, SEED), "room": as_rooms}


@dataclass
class Run:
    """Scores the jobs asked for. `elsewhere`: folders of sets that are not in `folder`, by name."""

    folder: Path
    half: Half
    draws: int = DRAWS
    elsewhere: Mapping[str, Path] = field(default_factory=dict)
    _judged: dict[str, Judged] = field(default_factory=dict)

    def scores(self, jobs: Sequence[Job]) -> Iterator[Score]:
        """A score a job; a set is forgotten when no job to come wants it."""
        for at, job in enumerate(jobs):
            source = self.judged(job.source) if job.source else None
            quiet = self.judged(job.quiet) if job.quiet else None
            yield score(job, self.half, source, quiet, self.draws)
            wanted = {name for later in jobs[at + 1 :] for name in (later.source, later.quiet)}
            for name in set(self._judged) - wanted - {j.source for j in jobs if j.by_finding}:
                del self._judged[name]

    def degraded(self, jobs: Sequence[Job]) -> Iterator[tuple[str, Score]]:
        """The jobs that are also scored on worse readings, as they are and in each way."""
        asked = [job for job in jobs if job.is_degraded]
        for number, job in enumerate(asked, 1):
            sys.stderr.write(f"[copies {number}/{len(asked)}] {job.key}\n")
            data = self.data(job.source or job.quiet)
            for how in DEGRADED:
                worse = degraded(data, how, SEED)
                if is_same(worse.readings, data.readings):
                    continue  # no register, so none that counts in pulses or starts again
                judged = _timed(worse)
                source, quiet = (judged, None) if job.source else (None, judged)
                yield how, score(job, self.half, source, quiet, 1)

    def rooms(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, RoomsAccused]]:
        """Alerts about appliances."""
        for job in jobs:
            if job.categories == APPLIANCE:
                judged = self.judged(job.source)
                yield job, rooms_accused(judged, Chosen(judged.data, self.half if job.has_halves else Half.ALL))

    def judged(self, name: str) -> Judged:
        """What the rules say of a set."""
        if name not in self._judged:
            self._judged[name] = _timed(self.data(name))
        return self._judged[name]

    def data(self, name: str) -> DataSet:
        """A set by its name; `campus` is simulated; `NAME:HOW` is made from NAME (`MADE`).

        Raises:
            NoDataError: it is not there.
        """
        base, _, made = name.partition(":")
        if base == CAMPUS:
            whole = campus(EVEN_SEED if self.half is Half.EVEN else ODD_SEED)
            return doubled(whole, SEED, CAMPUS_SHARE, CAMPUS_QUIET_DAYS) if made else whole
        data = load(self.elsewhere.get(base, self.folder), base)
        return MADE[made](data) if made else data


def _timed(data: DataSet) -> Judged:
    judged = judge(data)
    sys.stderr.write(f"{data.name}: {len(judged.incidents)} alerts, {judged.seconds:.0f} CPU s\n")
    return judged
