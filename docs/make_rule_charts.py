"""Draws the charts of docs/rules*.md: one a detector, in English and Chinese, from the simulated campus.

    python docs/make_rule_charts.py [--out docs/rules]

The campus of seed 1 with its injected faults goes through the rules as they ship (and the demo's rule of the user's
own), as `aquavolt backtest` would do it; what stands in a chart is what the meters showed and when the rule spoke. Look
at every picture before it is committed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from campus_story import Story, begin, finish, seconds, told  # noqa: E402
from svg_chart import ALERT, DAY_S, FAULT, HOUR_S, POWER, QUIET, WATER, Chart, Floats, Line, Mark  # noqa: E402

from rules.findings import FindingPhase  # noqa: E402
from simulators.campus.site_file import RULES  # noqa: E402

LANGUAGES = ("en", "zh")
Words = tuple[str, str]
FOUND, INJECTED, USUAL = ("found after", "发现用时"), ("fault (injected)", "故障（人工埋设）"), ("usual", "平时")
TITLES: dict[str, Words] = {
    "leak_tap": (
        "Library, water: a tap left open; at night it no longer stands still",
        "图书馆用水：水龙头未关，夜里不再归零",
    ),
    "leak_toilet": ("A dormitory floor, water: one toilet that keeps running", "宿舍楼一层用水：一个马桶水箱一直补水"),
    "burst": ("Teaching building, water: a split pipe in the night", "教学楼用水：夜间水管爆裂"),
    "leak_inside": ("A dormitory, water: what its floors do not count", "宿舍楼用水：总表有、各楼层表没有的水量"),
    "excess_room": ("A dormitory room, electricity: one load that never stops", "一间寝室用电：一个从不停的负荷"),
    "load_left_on": ("Teaching building, electricity: air conditioning left on", "教学楼用电：空调一直没关"),
    "appliance_room": (
        "A dormitory room, electricity: a heating coil in the evening and in the morning",
        "一间寝室用电：早晚使用电热器具",
    ),
    "phase_lost": (
        "A dormitory's corridor: a blown fuse takes one phase",
        "宿舍楼公共区域配电：熔断器断开，缺一相",
    ),
    "demand_peak": ("Canteen, electricity: everything in the kitchen at once", "食堂用电：厨房设备同时开启"),
    "register_frozen": ("Water meter of a floor: it answers, and always the same", "楼层水表：有应答，但读数一直不变"),
    "meter_opened": ("Water meter of a floor: it says that its cover was opened", "楼层水表：上报表盖被打开"),
    "charging": (
        "A dormitory's corridor, electricity: bicycles on an extension lead",
        "宿舍楼公共区域用电：拖线板给电动车充电",
    ),
}


@dataclass(frozen=True)
class Draft:
    """A chart without its words' language: `i` picks from every pair."""

    story: Story
    i: int

    def chart(
        self, rule: str, kind: str, unit: str, days: tuple[float, float], lines: list[Line],
        low: float = 0.0, bands: tuple[tuple[float, float, str, float, str], ...] = (), high: float = np.nan,
    ) -> Chart:  # fmt: skip
        """From `days[0]` days before the fault to `days[1]` after its start, or to the mark: where the rule spoke."""
        fault = self.story.fault(kind)
        at = seconds(self.story.first(rule, fault).at)
        start, end = begin(fault) - days[0] * DAY_S, max(begin(fault) + days[1] * DAY_S, at + (days[1] / 5) * DAY_S)
        band = (begin(fault), min(finish(fault), end), FAULT, 0.08, INJECTED[self.i])
        mark = Mark(self.found(at - begin(fault)), at, ALERT)
        return Chart(TITLES[kind][self.i], unit, start, end, lines, (band, *bands), (mark,), low, high)

    def found(self, passed_s: float) -> str:
        """How long it took."""
        if passed_s < 60:
            return ("told at once, by the meter", "立即告警（表计自行上报）")[self.i]
        return f"{FOUND[self.i]} {self.after(passed_s)}"

    def after(self, passed_s: float) -> str:
        """A time in words."""
        if passed_s < 1.5 * HOUR_S:
            return f"{passed_s / 60:.0f} {('min', '分钟')[self.i]}"
        return f"{passed_s / HOUR_S:.0f} {('h', '小时')[self.i]}"

    def level(self, words: Words, value: float) -> Line:
        """A dashed line at one value."""
        return Line(words[self.i], np.array([0.0, 1e11]), np.full(2, value), QUIET, is_dashed=True, is_step=False)

    def rate(self, words: Words, meter: str, step_s: int, color: str, factor: float = 1.0) -> Line:
        """Flow or power of a meter."""
        time, value = self.story.rates(meter, step_s)
        return Line(words[self.i], time, factor * value, color)


def continuous_flow(d: Draft) -> Chart:
    fault = d.story.fault("leak_tap")
    lines = [d.rate(("flow, hour's mean", "流量（每小时平均）"), f"w-{fault.node}", HOUR_S, WATER, 1000),
             d.level((f"never stops: {1000 * fault.size:.0f} L/h", f"一直不停：{1000 * fault.size:.0f} L/h"),
                     1000 * fault.size)]  # fmt: skip
    return d.chart("continuous_flow", "leak_tap", "L/h", (5, 4), lines)


def minimum_night_flow(d: Draft) -> Chart:
    fault = d.story.fault("leak_toilet")
    time, value = d.story.rates(f"w-{fault.node}", HOUR_S)
    nights = np.flatnonzero((time % DAY_S) / HOUR_S == 2)
    nights = nights[nights + 3 <= len(value)]
    mean = np.array([1000 * np.mean(value[n : n + 3]) for n in nights])
    at = time[nights] - 2 * HOUR_S
    usual = float(np.nanmedian(mean[at < begin(fault) - DAY_S]))
    lines = [Line(("night's flow, mean 02:00 to 05:00", "夜间流量（2 点至 5 点平均）")[d.i], at, mean, WATER, width=2),
             d.level(USUAL, usual)]  # fmt: skip
    return d.chart("minimum_night_flow", "leak_toilet", "L/h", (16, 9), lines)


def burst_flow(d: Draft) -> Chart:
    fault = d.story.fault("burst")
    time, value = d.story.rates(f"w-{fault.node}", HOUR_S // 4)
    most = float(np.nanmax(value[time < begin(fault) - HOUR_S]))
    lines = [d.rate(("flow, quarter of an hour", "流量（每 15 分钟）"), f"w-{fault.node}", HOUR_S // 4, WATER),
             d.level(("highest ever before", "此前最大流量"), most)]  # fmt: skip
    return d.chart("burst_flow", "burst", "m³/h", (1.4, 1), lines)


def zone_balance(d: Draft) -> Chart:
    fault = d.story.fault("leak_inside")
    step = 6 * HOUR_S
    main = f"w-{fault.node}"
    floors = [p.id for p in d.story.campus.layout.meters if p.parent == main]
    time, whole = d.story.rates(main, step)
    below = [np.interp(time, *d.story.rates(f, step)) for f in floors]
    lost = 1000 * (whole - np.sum(below, axis=0))
    usual = float(np.nanmedian(lost[time < begin(fault) - DAY_S]))
    words = (f"main less its {len(floors)} floors, 6 h mean", f"总表减 {len(floors)} 个楼层表（6 小时平均）")
    lines = [Line(words[d.i], time, lost, WATER), d.level(USUAL, usual)]
    return d.chart(
        "zone_balance",
        "leak_inside",
        "L/h",
        (14, 6),
        lines,
        low=min(0.0, float(np.nanmin(lost))),
    )


def peer_usage(d: Draft) -> Chart:
    fault = d.story.fault("excess_room")
    home = fault.node.rsplit("-", 1)[0]
    days: dict[str, Floats] = {}
    time = np.zeros(0)
    for meter in d.story.campus.layout.meters:
        if meter.medium == "electricity" and meter.node.rsplit("-", 1)[0] == home and meter.node[-3:].isdigit():
            time, rate = d.story.rates(meter.id, DAY_S)
            days[meter.node] = 24 * rate
    own = days.pop(fault.node)
    others = np.nanquantile(np.stack(list(days.values())), [0.5, 0.9], axis=0)
    names = (
        ("the room", "该寝室"),
        ("median of the other rooms", "其他寝室中位数"),
        ("nine of ten below", "九成寝室低于此"),
    )
    lines = [Line(names[0][d.i], time, own, POWER, width=2), Line(names[1][d.i], time, others[0], QUIET),
             Line(names[2][d.i], time, others[1], QUIET, is_dashed=True)]  # fmt: skip
    return d.chart("peer_usage", "excess_room", "kWh/d", (16, 7), lines)


def usage_profile(d: Draft) -> Chart:
    fault = d.story.fault("load_left_on")
    time, value = d.story.rates(f"e-{fault.node}", HOUR_S)
    week = ((time // HOUR_S) % 168).astype(int)
    past = time < begin(fault) - DAY_S
    usual = np.array([np.nanmedian(value[past & (week == w)]) for w in range(168)])[week]
    lines = [Line(("power, hour's mean", "功率（每小时平均）")[d.i], time, value, POWER),
             Line(("usual at that hour of the week", "平时同一星期几同一小时")[d.i], time, usual, QUIET, is_dashed=True,
                  width=1.1)]  # fmt: skip
    return d.chart("usage_profile", "load_left_on", "kW", (7, 3.5), lines)


def suspected_appliance(d: Draft) -> Chart:
    fault = d.story.fault("appliance_room")
    time, value = d.story.samples(f"e-{fault.node}", "active_power")
    uses = [f for f in d.story.findings if f.rule == "suspected_appliance" and f.node == fault.node]
    closes = [f for f in uses if f.phase is FindingPhase.CLOSE and f.ended is not None]
    words = ("a use (finding)", "一次使用（发现）")[d.i]
    bands = [(seconds(f.onset), seconds(f.ended), POWER, 0.3, words if not n else "")
             for n, f in enumerate(closes) if f.ended is not None]  # fmt: skip
    lines = [Line(("power, as sampled", "功率（采样值）")[d.i], time, value, POWER, width=1)]
    alert = ("two uses: alert after", "两次使用后告警，用时")[d.i]
    second = seconds(sorted(f.at for f in uses if f.phase is FindingPhase.OPEN)[1])
    start, end = begin(fault) - 3 * HOUR_S, begin(fault) + 13 * HOUR_S
    mark = Mark(f"{alert} {d.after(second - begin(fault))}", second)
    return Chart(TITLES[fault.kind][d.i], "kW", start, end, lines, [b for b in bands if b[0] < end], (mark,))


def power_quality(d: Draft) -> Chart:
    fault = d.story.fault("phase_lost")
    lines = []
    for n, color in enumerate((POWER, "#24804f", WATER), 1):
        time, value = d.story.samples(f"e-{fault.node}", f"voltage_l{n}")
        lines.append(Line(f"L{n}", time, value, color, is_step=False))
    lines.append(d.level(("220 V less 10 %", "220 V 下限（−10%）"), 198))
    return d.chart("power_quality", "phase_lost", "V", (0.2, 0.25), lines, high=260)


def demand(d: Draft) -> Chart:
    fault = d.story.fault("demand_peak")
    contract = next(p.contract_demand_kw for p in d.story.campus.layout.places if p.id == fault.node)
    lines = [d.rate(("power, quarter of an hour", "功率（每 15 分钟）"), f"e-{fault.node}", HOUR_S // 4, POWER),
             d.level(("contracted", "合同需量"), float(contract or 0))]  # fmt: skip
    return d.chart("demand", "demand_peak", "kW", (2.4, 0.6), lines)


def meter_health(d: Draft) -> Chart:
    fault = d.story.fault("register_frozen")
    time, value = d.story.samples(str(fault.meter), "water_volume")
    shown = (time > begin(fault) - 3 * DAY_S) & (time < begin(fault) + 1.5 * DAY_S)
    low, high = float(value[shown].min()), float(value[shown].max())
    lines = [Line(("register", "表底读数")[d.i], time, value, WATER, width=2)]
    room = 0.25 * (high - low)
    return d.chart(
        "meter_health",
        "register_frozen",
        "m³",
        (3, 1.2),
        lines,
        low=low - room,
        high=high + room,
    )


def reported(d: Draft) -> Chart:
    fault = d.story.fault("meter_opened")
    lines = [d.rate(("flow, hour's mean", "流量（每小时平均）"), str(fault.meter), HOUR_S, WATER, 1000)]
    return d.chart("reported_fault", "meter_opened", "L/h", (2.5, 2), lines)


def threshold(d: Draft) -> Chart:
    fault = d.story.fault("charging")
    rule = RULES["threshold"]["rules"][0]
    limit = float(rule["when"].split(">")[1])
    lines = [d.rate(("power, quarter of an hour", "功率（每 15 分钟）"), f"e-{fault.node}", HOUR_S // 4, POWER),
             d.level((f"the rule: above {limit:g} kW for {rule['for']}", f"规则：高于 {limit:g} kW 达 45 分钟"),
                     limit)]  # fmt: skip
    return d.chart(f"threshold:{rule['id']}", "charging", "kW", (1.2, 0.6), lines)


DRAWN: tuple[Callable[[Draft], Chart], ...] = (
    continuous_flow, minimum_night_flow, burst_flow, zone_balance, peer_usage, usage_profile, suspected_appliance,
    power_quality, demand, meter_health, reported, threshold,
)  # fmt: skip


def pictures(story: Story) -> Iterator[tuple[str, str]]:
    """File names and SVG."""
    for draw in DRAWN:
        for i, language in enumerate(LANGUAGES):
            yield f"{draw.__name__}.{language}.svg", draw(Draft(story, i)).svg()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "rules", help="folder of the pictures")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures(told()):
        (given.out / name).write_text(svg, encoding="utf-8")
        print(f"{name}: {len(svg) / 1024:.0f} kB")


if __name__ == "__main__":
    main()
