"""How far a room's last days stand above its own past among its peers.

    rise = log(mean of the last k days' use against the peers' / the same of its past days) - the peers' median rise

Use is averaged before the logarithm is taken: a home's days go up and down by half, its weeks by a fifth, and a day
away has no logarithm. One day counts for at most three times the usual, so that a filled pool is no week of it, and
most days must show the rise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metering.batch import Float64, Mask
from rules.detectors.day_log import median, quantile
from rules.detectors.peer_groups import PeerGroups
from rules.detectors.peer_memory import LOOK_DAYS, PeerMemory

_SIGMA_OF_MAD = 1.4826
_ALIKE = 2.0  # days on which the peers used up to so many times as much, or as little, are alike
_LIKEST = (10, 20)  # half of them, so many at least and at most, with the peers' use nearest to that of the last days
_LAST_DAYS = 3
_DAY_CLIP = 3.0  # times the usual that one day counts at most
_ALIKE_DAYS = 1.5  # days of one room are alike: three count as two
_EACH_DAY = 0.5  # of the rise (log) that most days must show, and
_LEAST_DAYS = 3  # so many of them: a party or a visit is shorter
_STILL = 2  # the newest days that must show it together: what is over is not told any more
_KNOWN_SHARE = 0.7  # of the days
_AGAIN = 2.0  # times the rise (log) and the scatter that must be passed by who was told of of late
AGAIN_DAYS = 60


@dataclass(frozen=True, slots=True)
class Usual:
    """What days like this one let expect, by column; NaN where nothing is known.

    level     log of the use against the peers'; `scatter`: one sigma of a day, as a share of it
    own       use a bed
    highest   log of the most that seven days on end came to
    peers     the peers' median use a bed on those days
    days      how many such days are known
    """

    level: Float64
    scatter: Float64
    own: Float64
    highest: Float64
    peers: Float64
    days: Float64


def usual_of(memory: PeerMemory, peers: Float64, is_driven: Mask) -> Usual:
    """From the past days on which the peers used about as much: another season or a vacation is not alike.

    `peers`: their median use a bed of today. `is_driven`: the weather drives all alike, as it does electricity and not
    water, so that a cold spell is compared with the likest days before it. The level is the larger of mean and median:
    neither some days of visitors nor some days away move it down.
    """
    past = memory.group.values
    is_alike = (past <= _ALIKE * peers) & (past * _ALIKE >= peers)
    recent = mean(np.concatenate([peers[None], memory.recent_group[: _LAST_DAYS - 1]]))
    is_like = is_alike & (_nearest(past, recent, is_alike) | ~is_driven)
    standing, own, group = (
        np.where(is_like, log.values, np.nan) for log in (memory.standing, memory.own, memory.group)
    )
    level = np.fmax(mean(standing), median(standing))
    scatter = _scatter(np.where(is_alike, memory.standing.values, np.nan))
    days = (is_alike & ~np.isnan(memory.standing.values)).sum(axis=0).astype(np.float64)
    return Usual(np.log(level), scatter, mean(own), quantile(memory.weeks.values, 1.0), mean(group), days)


def _nearest(past: Float64, recent: Float64, is_alike: Mask) -> Mask:
    """The days whose peers' use is nearest to the recent one, as a cold spell is like another; days x columns."""
    distance = np.where(is_alike, np.maximum(past / recent, recent / past), np.inf)
    days = np.clip(is_alike.sum(axis=0) // 2, *_LIKEST)
    farthest = np.take_along_axis(np.sort(distance, axis=0), days[None] - 1, axis=0)[0]
    return np.asarray(distance <= farthest, bool)


def _scatter(standing: Float64) -> Float64:
    """One sigma of a day, as a share of the mean."""
    clipped = np.minimum(standing, _DAY_CLIP * median(standing))
    centre = mean(clipped)
    return np.asarray(np.sqrt(mean((clipped - centre) ** 2)) / centre, np.float64)


@dataclass(frozen=True, slots=True)
class Rises:
    """Of the last 1, 2, .. 7 days: rows x columns, in logs; NaN where too few are known.

    level    use against the peers'; `rise`: above the usual and above the peers' median rise
    most     what most days show: half of them, at least three, rose by as much by themselves
    season   by how much the peers' median rose, 0 where it fell: a cold spell does not reach all rooms alike
    spread   by how much the rises of the group scatter (one sigma)
    """

    level: Float64
    rise: Float64
    most: Float64
    season: Float64
    spread: Float64


def rises(memory: PeerMemory, usual: Usual, groups: PeerGroups) -> Rises:
    """The rises up to the day that has just begun to wait."""
    clipped = np.minimum(memory.recent_standing, _DAY_CLIP * np.exp(usual.level))
    rows = [_of_days(clipped[:days], memory.recent_group[:days], usual, groups) for days in range(1, LOOK_DAYS + 1)]
    return Rises(*(np.stack(part) for part in zip(*rows, strict=True)))


def _of_days(last: Float64, peers: Float64, usual: Usual, groups: PeerGroups) -> tuple[Float64, ...]:
    is_known = (~np.isnan(last)).sum(axis=0) >= _KNOWN_SHARE * len(last)
    level = np.where(is_known, np.log(mean(last)), np.nan)
    rise = level - usual.level
    rise = rise - np.nan_to_num(groups.medians(rise))
    season = np.maximum(np.nan_to_num(np.log(mean(peers) / usual.peers)), 0.0)
    return level, rise, _most(last) - usual.level, season, _SIGMA_OF_MAD * groups.medians(np.abs(rise))


def _most(last: Float64) -> Float64:
    """Log of the standing that half of the days, at least three, have reached; NaN where fewer are known."""
    days = min(max(_LEAST_DAYS, (len(last) + 1) // 2), len(last))
    reached = np.sort(np.where(np.isnan(last), 0.0, last), axis=0)[-days]
    return np.asarray(np.log(np.where(reached > 0, reached, np.nan)), np.float64)


def is_large(found: Rises, usual: Usual, settings: Mapping[str, Float64], was_told: Mask) -> Mask:
    """Whether the rise of the last days, for some number of days, is large and outside every scatter.

    What lasts shorter must be larger. Who was told about of late must show more, and never as much as it already did.
    """
    large = np.zeros(len(usual.level), bool)
    again = np.where(was_told, _AGAIN, 1.0)
    level, against_peers = np.log(settings["ratio"]), np.log(settings["peers_ratio"])
    quick = np.maximum(np.log(settings["quick_ratio"]), level)
    day = np.fmax(usual.scatter, settings["least_scatter"])
    for days in range(1, LOOK_DAYS + 1):
        rise = found.rise[days - 1]
        impatience = (LOOK_DAYS - days) / np.maximum(LOOK_DAYS - settings["days"], 1)
        sigma = day * np.sqrt(_ALIKE_DAYS / days)
        least = level + impatience * (quick - level) + settings["season_share"] * found.season[days - 1]
        told = rise >= again * np.maximum(least, settings["sigma"] * sigma)
        told &= rise >= settings["peers_sigma"] * found.spread[days - 1]
        told &= found.most[days - 1] >= _EACH_DAY * level
        told &= rise + usual.level >= np.nan_to_num(usual.highest, nan=-np.inf)
        large |= told & (found.level[days - 1] >= against_peers) & (settings["days"] <= days)
    goes_on = found.rise[_STILL - 1] >= _EACH_DAY * level
    return np.asarray(large & goes_on & (usual.days >= settings["learn_days"]), bool)


def mean(values: Float64) -> Float64:
    """Mean down each column, leaving NaN out; NaN for a column without a number."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)
