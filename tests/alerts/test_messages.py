"""What people are told, word for word, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.due import Due
from alerts.figures import duration_text, number_text, rate_text, time_text, total_text
from alerts.messages import place_text
from alerts.notify.letters import LetterWriter
from alerts.playbook import shipped_playbook
from alerts.rows import moment_of, ms_of
from alerts.values import Action, AlertState, Delivery, DeliveryState, NotifyReason, Outcome
from alerts.words import Language, rule_text, word, words
from metering.incident import Category, Severity
from metering.meter_alarms import METER_ALARMS, AlarmKind
from metering.quantities import MEDIA
from metering.site import Node, Site
from rules.causes import CAUSES, SIGNS
from rules.detectors.registry import DETECTORS

ZH, EN = Language.ZH_CN, Language.EN


@pytest.fixture
def site():
    nodes = [
        Node("campus", "campus", name="主校区"),
        Node("dorm-2", "building", "campus", name="梅园2号楼"),
        Node("f3", "floor", "dorm-2"),
    ]
    return Site("s", "S", "Asia/Shanghai", {n.id: n for n in nodes}, {})


@pytest.fixture
def alert(records, rules):
    (alert,) = records.apply([rules.raised(severity=Severity.CRITICAL)], 1)
    return alert


def writer_of(site, clock):
    """What the outbox writes of one alert, in every language."""
    letters = LetterWriter(lambda: site, "https://meters.example.edu/", clock)

    def write(alert, reason):
        sent = Delivery(
            id="0", alert_id=alert.id, channel="hook", reason=reason, state=DeliveryState.PENDING, attempts=0,
            created_at=clock(), due_at=clock(), delivered_at=None, last_error="",
        )  # fmt: skip
        return letters(Due(sent, (alert,)))

    return write


@pytest.fixture
def write(site, clock):
    return writer_of(site, clock)


def test_a_new_leak_in_english(write, alert, site):
    message = write(alert, NotifyReason.RAISED)[EN]
    assert message.title == "[critical] New alert: leak - 主校区 › 梅园2号楼"
    assert message.link == "https://meters.example.edu/alerts/leak-1"
    assert message.text.splitlines() == [
        "Place: 主校区 › 梅园2号楼",
        "What: leak, night flow too high (W-D2-MAIN)",
        "Excess: 420 litres per hour",
        "Since: 2026-11-19 06:00 (1 d 10 h)",
        "Loss so far (estimate): 31.2 m³",
        f"Next step: {shipped_playbook().steps(alert, site, EN)[0]}",
        "Open: https://meters.example.edu/alerts/leak-1",
    ]


def test_a_new_leak_in_chinese(write, alert):
    message = write(alert, NotifyReason.RAISED)[ZH]
    assert message.title == "【严重】新告警：漏水，主校区 › 梅园2号楼"
    assert message.text.splitlines() == [
        "地点：主校区 › 梅园2号楼",
        "情况：漏水，夜间最小流量偏高（W-D2-MAIN）",
        "多用：420 升/小时",
        "开始：2026-11-19 06:00（1 天 10 小时）",
        "累计损失（估计）：31.2 m³",
        "下一步：到现场听漏、看管井和末端用水点；找到后先关就近阀门。",
        "查看：https://meters.example.edu/alerts/leak-1",
    ]


def test_a_cleared_alert_says_when_and_asks_for_nothing(write, alert):
    over = replace(alert, state=AlertState.CLEARED, closed_at=alert.onset_at + timedelta(hours=3))
    text = write(over, NotifyReason.CLEARED)[EN].text
    assert "Since: 2026-11-19 06:00 (3 h)\n" in text
    assert "Cleared: 2026-11-19 09:00" in text
    assert "Next step" not in text


def test_electricity_is_told_in_kilowatts(write, alert):
    room = replace(alert, medium="electricity", category=Category.CONSUMPTION, loss_rate=1.234, loss_total=1234.5)
    text = write(room, NotifyReason.RAISED)[EN].text
    assert "Excess: 1.23 kW\n" in text
    assert "Loss so far (estimate): 1,230 kWh\n" in text


def test_what_is_told_again_later_tells_of_what_was_lost_since(write, alert, clock):
    """The rules have said nothing new for two hours, in which 420 litres an hour went on running."""
    clock.forward(2 * 3600)
    assert "Loss so far (estimate): 32 m³" in write(alert, NotifyReason.REPEATED)[EN].text.splitlines()
    cleared = replace(alert, state=AlertState.CLEARED, closed_at=clock.now)
    assert "Loss so far (estimate): 31.2 m³" in write(cleared, NotifyReason.CLEARED)[EN].text.splitlines()


def test_a_dead_meter_has_neither_rate_nor_loss(write, alert):
    dead = replace(alert, category=Category.DATA_QUALITY, rule="meter_health", loss_rate=None, loss_total=None)
    text = write(dead, NotifyReason.RAISED)[EN].text
    assert "Excess" not in text
    assert "Loss" not in text
    assert "What: meter data fault, meter silent, stuck or reset (W-D2-MAIN)" in text


@pytest.mark.parametrize(
    ("suggested", "expected"),
    [("shut valve V3", "shut valve V3"), ({"en": "shut V3", "zh-CN": "关V3"}, "shut V3"), (None, "Go there"),
     ("walk_the_pipe", "Walk the pipe"), ("no_such_step", "Go there"), ("", "Go there"), (7, "Go there"),
     ({"fr": "x"}, "Go there")],
)  # fmt: skip
def test_the_rules_suggestion_comes_before_the_general_one(write, alert, suggested, expected):
    text = write(replace(alert, evidence={"next_step": suggested}), NotifyReason.RAISED)[EN].text
    assert f"Next step: {expected}" in text


KEYS = [
    *(f"cause.{code}" for code in CAUSES),
    *(f"sign.{code}" for code in SIGNS),
    *(f"rule.{rule}" for rule in DETECTORS),
    *(f"condition.{alarm.code}" for alarm in METER_ALARMS if alarm.kind is not AlarmKind.STATE),
]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", KEYS)
def test_whatever_the_rules_say_has_words(key, language):
    assert key in words(language)


def test_what_the_meter_itself_reports_is_told(write, alert):
    details = {"reported": [{"code": "burst"}, {"code": "leak"}]}
    findings = [{"rule": "reported_leak", "subject": "W", "details": details}, {"rule": "continuous_flow"}]
    told = replace(alert, rule="reported_leak", evidence={"findings": findings})
    texts = write(told, NotifyReason.RAISED)
    assert "Reported by the meter: burst pipe, leak\n" in texts[EN].text
    assert "表计自报：爆管、漏水\n" in texts[ZH].text
    assert "表计自报漏水" in texts[ZH].text


def test_a_name_with_line_breaks_makes_no_line_of_its_own(alert, clock):
    site = Site("s", "S", "UTC", {"dorm-2": Node("dorm-2", "building", name="A\r\nBcc: x@example.org")}, {})
    message = writer_of(site, clock)(alert, NotifyReason.RAISED)[EN]
    assert message.title.endswith("A Bcc: x@example.org")
    assert message.text.splitlines()[0] == "Place: A Bcc: x@example.org"


def test_places(site):
    assert place_text(site, "f3") == "主校区 › 梅园2号楼 › f3"
    assert place_text(site, "gone") == "gone"


def test_an_id_is_quoted_in_the_link(write, alert):
    message = write(replace(alert, id="leak/water dorm?2"), NotifyReason.RAISED)[EN]
    assert message.link == "https://meters.example.edu/alerts/leak%2Fwater%20dorm%3F2"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (0.012345, "0.0123"), (8.6, "8.6"), (8.0, "8"), (999.6, "1,000"), (31.25, "31.2"), (1234.5, "1,230"),
     (-2.5, "-2.5"), (1e7, "10,000,000"), (0.00004, "0.00004")],
)  # fmt: skip
def test_numbers_have_three_digits_and_no_powers(value, expected):
    assert number_text(value) == expected


def test_rates_and_totals_by_medium():
    assert rate_text(0.0371, "water", ZH) == "37.1 升/小时"
    assert rate_text(2, "gas", EN) == "2 m³/h"
    assert rate_text(2, "other", EN) == "2"
    assert total_text(0.5, "heat") == "0.5 kWh"


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "0 min"), (40, "40 min"), (135, "2 h 15 min"), (120, "2 h"), (1440, "1 d"), (1445, "1 d"), (4260, "2 d 23 h"),
     (-5, "0 min")],
)  # fmt: skip
def test_durations_have_two_units(minutes, expected):
    assert duration_text(timedelta(minutes=minutes), EN) == expected


def test_local_time_across_a_change_of_clocks():
    berlin = ZoneInfo("Europe/Berlin")
    assert time_text(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), berlin) == "2026-10-25 02:30"
    assert time_text(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), berlin) == "2026-10-25 02:30"


def test_every_value_an_alert_can_have_has_a_word_in_both_languages():
    kinds = {
        "severity": Severity, "category": Category, "medium": MEDIA, "state": AlertState, "outcome": Outcome,
        "action": Action, "reason": NotifyReason, "delivery": DeliveryState,
    }  # fmt: skip
    for language in Language:
        known = words(language)
        missing = [f"{kind}.{v}" for kind, values in kinds.items() for v in values if not known.get(f"{kind}.{v}")]
        assert missing == []
    assert words(ZH).keys() == words(EN).keys()


def test_a_rule_of_somebodys_own_is_shown_by_its_name():
    assert word("rule.solar_yield", ZH) == "solar yield"


def test_a_rule_of_the_users_own_is_called_as_the_user_says():
    found = {"rule": "threshold:night", "details": {"name": {"zh-CN": "夜间用水", "en": "Night use"}}}
    evidence = {"findings": [{"rule": "zone_balance", "details": {}}, found]}
    assert [rule_text("threshold:night", evidence, x) for x in (ZH, EN)] == ["夜间用水", "Night use"]
    assert rule_text("threshold:night", {}, EN) == "own rule night"
    assert rule_text("zone_balance", evidence, EN) == word("rule.zone_balance", EN)


def test_stored_times_come_back_to_the_millisecond():
    for moment in (datetime(2026, 11, 20, 8, 0, 0, 123000, tzinfo=UTC), datetime(1969, 12, 31, 23, tzinfo=UTC)):
        assert moment_of(ms_of(moment)) == moment


def test_a_cleared_alert_says_what_the_meters_say(write, alert):
    evidence = {"cleared_because": "back_at_usual", "back_at_usual": {"hours": 9.2}}
    over = replace(alert, state=AlertState.CLEARED, closed_at=alert.onset_at + timedelta(hours=3), evidence=evidence)
    texts = write(over, NotifyReason.CLEARED)
    assert "Cleared: 2026-11-19 09:00 (the meters say: back at usual for 9 h)" in texts[EN].text
    assert "恢复：2026-11-19 09:00（表计确认：恢复正常已 9 小时）" in texts[ZH].text


def test_cause_and_uncertainty_are_told(write, alert):
    evidence = {
        "cause": {"code": "toilet", "confidence": 0.716, "signs": ["small"]},
        "loss": {"rate_uncertainty": 0.04, "total_uncertainty": 3.1},
    }
    texts = write(replace(alert, evidence=evidence), NotifyReason.RAISED)
    assert "Probable cause: a toilet that runs (72 %)\n" in texts[EN].text
    assert "可能原因：马桶水箱漏水（72 %）\n" in texts[ZH].text
    assert "Excess: 420 litres per hour ± 40 litres per hour\n" in texts[EN].text
    assert "Loss so far (estimate): 31.2 m³ ± 3.1 m³\n" in texts[EN].text
