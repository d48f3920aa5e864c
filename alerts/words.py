"""The words of alerts in both languages, shared by messages and pages: one table, one row a word."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from alerts.reported import reported_codes


class Language(StrEnum):
    """The languages of messages and pages, as BCP 47 tags."""

    ZH_CN = "zh-CN"
    EN = "en"


# key: (zh-CN, en). The part before the dot is the kind, the part after it the value as it stands in an alert.
_TABLE: dict[str, tuple[str, str]] = {
    "severity.info": ("提示", "info"),
    "severity.warning": ("警告", "warning"),
    "severity.critical": ("严重", "critical"),
    "category.leak": ("漏水", "leak"),
    "category.consumption": ("用量异常", "abnormal consumption"),
    "category.appliance": ("疑似违规电器", "suspected appliance"),
    "category.supply": ("供应异常", "supply fault"),
    "category.data_quality": ("计量数据异常", "meter data fault"),
    "medium.electricity": ("电", "electricity"),
    "medium.water": ("水", "water"),
    "medium.gas": ("燃气", "gas"),
    "medium.heat": ("热", "heat"),
    "medium.other": ("其他", "other"),
    "state.active": ("未恢复", "active"),
    "state.cleared": ("已恢复", "cleared"),
    "acknowledged.yes": ("已接单", "acknowledged"),
    "acknowledged.no": ("待接单", "unacknowledged"),
    "outcome.confirmed": ("确认属实", "confirmed"),
    "outcome.repaired": ("已修复", "repaired"),
    "outcome.false": ("误报", "false alarm"),
    "outcome.planned_use": ("计划用量", "planned use"),
    "outcome.meter_fault": ("表计故障", "meter fault"),
    "action.raised": ("产生", "raised"),
    "action.reopened": ("再次出现", "came back"),
    "action.updated": ("数据更新", "updated"),
    "action.escalated": ("升级", "escalated"),
    "action.moved": ("位置缩小", "moved to a smaller place"),
    "action.inhibited": ("被其他告警解释", "explained by another alert"),
    "action.released": ("重新独立告警", "stands by itself again"),
    "action.cleared": ("表计确认恢复", "cleared by the meters"),
    "action.overdue": ("超时未接单", "overdue"),
    "action.assigned": ("指派", "assigned"),
    "action.unassigned": ("取消指派", "assignment taken back"),
    "action.acknowledged": ("接单", "acknowledged"),
    "action.commented": ("备注", "commented"),
    "action.withdrawn": ("结果已撤回", "outcome withdrawn"),
    "action.resolved": ("处理完毕", "resolved"),
    "action.unanswered": ("无人接单，已上报", "nobody had it, the next were asked"),
    "action.handed_on": ("转交", "handed on"),
    "drill.stamp": ("【演练】", "[DRILL]"),
    "drill.text": (
        "演练 DRILL：这是模拟故障，没有真的漏水或异常；请按真实告警处理。",
        "DRILL 演练: a simulated fault, nothing is really wrong. Please act as if it were real.",
    ),
    "reason.raised": ("新告警", "New alert"),
    "reason.reopened": ("告警再次出现", "Alert is back"),
    "reason.assigned": ("派给您的告警", "Alert assigned to you"),
    "reason.escalated": ("告警升级", "Alert escalated"),
    "reason.cleared": ("告警恢复", "Alert cleared"),
    "reason.unanswered": ("无人接单", "Nobody has it yet"),
    "reason.repeated": ("仍未接单", "Still not taken"),
    "reason.digest": ("每日简报", "Daily digest"),
    "reason.order": ("派给您的工单", "Work order for you"),
    "reason.roster": ("值班空缺", "Hole in the roster"),
    "reason.test": ("测试消息", "Test message"),
    "why.stands_in": ("您正在替班", "You stand in for somebody"),
    "why.hole": ("此时无人值班，由您代为处理", "Nobody is on duty now: you are the fallback"),
    "why.unreachable": ("本应通知的人无法联系", "The person to be told cannot be reached"),
    "why.nobody": ("没有找到应通知的人", "Nobody was found who should be told"),
    "summary.many": ("{count} 条告警", "{count} alerts"),
    "summary.counts": ("情况", "What"),
    "summary.places": ("地点", "Places"),
    "summary.worst": ("最严重", "Worst"),
    "summary.rest": ("另有 {count} 条", "and {count} more"),
    "summary.rate": ("合计多用", "Excess in all"),
    "digest.open": ("未恢复", "Active"),
    "digest.waiting": ("其中待接单", "of these not taken"),
    "digest.new": ("过去一天新增", "New in the last day"),
    "digest.cleared": ("过去一天恢复", "Cleared in the last day"),
    "digest.quiet": ("没有未恢复的告警", "No active alerts"),
    "order.place": ("地点", "Place"),
    "order.words": ("内容", "What"),
    "order.due": ("应完成于", "To be done by"),
    "roster.hole": (
        "{start} 至 {end}：{duty} 无人值班。请补排，否则告警将直接通知您。",
        "{start} to {end}: nobody has the duty {duty}. Please fill it; until then its alerts come to you.",
    ),
    "test.text": (
        "这是一条测试消息，由 {by} 发送；收到即说明此渠道可用。",
        "A test message, sent by {by}: the channel works.",
    ),
    "delivery.pending": ("待发送", "pending"),
    "delivery.delivered": ("已送达", "delivered"),
    "delivery.failed": ("被拒收", "refused"),
    "delivery.withdrawn": ("已撤回", "withdrawn"),
    "rule.continuous_flow": ("水流持续不断", "water never stops"),
    "rule.minimum_night_flow": ("夜间最小流量偏高", "night flow too high"),
    "rule.burst_flow": ("流量突增，疑似爆管", "more water than ever, perhaps a burst pipe"),
    "rule.zone_balance": ("总表与分表不平衡", "main meter and submeters disagree"),
    "rule.peer_usage": ("明显高于同类房间", "far above its peers"),
    "rule.usage_profile": ("偏离自身的用能规律", "other than its own usual days"),
    "rule.suspected_appliance": ("多次出现纯电阻性大功率负荷", "a heating load of high power, several times"),
    "rule.power_quality": ("停电、缺相、电压或功率因数异常", "supply, voltage or power factor out of limits"),
    "rule.demand": ("负荷超过合同需量、变压器容量或限额", "load above contract, transformer or allowed power"),
    "rule.meter_health": ("表计失联、停走或读数回跳", "meter silent, stuck or reset"),
    "rule.reported_leak": ("表计自报漏水", "the meter itself reports a leak"),
    "rule.reported_fault": ("表计自报故障", "the meter itself reports a fault"),
    "rule.threshold": ("自定义规则", "own rule"),
    "condition.burst": ("爆管", "burst pipe"),
    "condition.leak": ("漏水", "leak"),
    "condition.reverse_flow": ("逆流", "reverse flow"),
    "condition.pipe_empty": ("空管", "empty pipe"),
    "condition.tamper": ("遭人为干扰", "tampering"),
    "condition.cover_open": ("表盖打开", "cover open"),
    "condition.permanent_error": ("永久性故障", "permanent fault"),
    "condition.valve_fault": ("阀门故障", "valve fault"),
    "condition.low_temperature": ("温度过低，有冻裂危险", "near freezing"),
    "condition.alarm": ("未说明的报警", "unexplained alarm"),
    "condition.low_battery": ("电池电量低", "low battery"),
    "condition.clock_wrong": ("时钟不准", "wrong clock"),
    "condition.temporary_error": ("临时性故障", "passing fault"),
    "condition.high_temperature": ("环境温度过高", "too hot"),
    "pattern.sudden": ("最近几小时突然升高", "suddenly more, for some hours"),
    "pattern.all_day": ("全天偏高", "more at all hours"),
    "pattern.working_hours": ("白天偏高", "more by day"),
    "pattern.nights": ("夜间偏高，疑似下班后未关", "more at night: something left on after closing time"),
    "pattern.rest_days": ("休息日偏高，疑似周末未关", "more on days of rest: something left on"),
    "pattern.vacation": ("假期偏高，疑似离校后未关", "more in the vacation: something left on"),
    "pattern.too_little": ("用量过低：部分停供或无人使用", "too little: supply partly lost, or nobody there"),
    "label.pattern": ("规律", "When"),
    "label.place": ("地点", "Place"),
    "label.what": ("情况", "What"),
    "label.reported": ("表计自报", "Reported by the meter"),
    "label.rate": ("多用", "Excess"),
    "label.since": ("开始", "Since"),
    "label.loss": ("累计损失（估计）", "Loss so far (estimate)"),
    "label.cleared": ("恢复", "Cleared"),
    "label.next": ("下一步", "Next step"),
    "label.open": ("查看", "Open"),
    "label.cause": ("可能原因", "Probable cause"),
    "label.reopened": ("再次出现", "Came back"),
    "cause.toilet": ("马桶水箱漏水", "a toilet that runs"),
    "cause.tap": ("龙头、淋浴或软管未关", "a tap, shower or hose left on"),
    "cause.burst": ("爆管", "a burst pipe"),
    "cause.pipe_leak": ("管道或接头渗漏", "a leaking pipe or joint"),
    "cause.irrigation_or_tank": ("绿化、泳池或水箱进水未关", "irrigation, a pool or a tank left on"),
    "cause.meters_apart": ("总表与分表误差拉开，未必漏水", "meters that drift apart, perhaps no loss at all"),
    "cause.more_use": ("用量增加", "more use"),
    "cause.night_equipment": ("下班后设备未关", "equipment left on out of hours"),
    "cause.standing_load": ("有设备一直开着", "something that never stops"),
    "cause.heating_appliance": ("取暖或电热器具", "a heater, cooker or kettle"),
    "sign.between_meters": ("在总表与分表之间", "between main meter and submeters"),
    "sign.small_place": ("一间或一层", "a room or a floor"),
    "sign.outdoors": ("绿化、泳池等用水点", "a place with irrigation, a pool or a tank"),
    "sign.tiny": ("流量很小", "a trickle"),
    "sign.small": ("流量如马桶漏水", "as much as a toilet"),
    "sign.middle": ("流量如一个龙头", "as much as a tap"),
    "sign.large": ("流量如管道破损", "as much as a broken pipe"),
    "sign.jump": ("突然超过以往任何时候", "suddenly more than ever"),
    "sign.grows": ("逐日增大", "grows from day to day"),
    "sign.began_at_once": ("一下子出现，之后不变", "began at once and stays"),
    "sign.never_stops": ("昼夜不停", "never stops"),
    "sign.pauses": ("时有时无", "comes and goes"),
    "sign.only_by_day": ("只在白天", "by day alone"),
    "sign.mostly_at_night": ("主要在夜里", "mostly at night"),
    "sign.outside_hours": ("在上班时间以外", "outside of opening hours"),
    "sign.all_hours": ("全天都高", "at all hours"),
    "sign.meter_says_burst": ("表计自报爆管", "the meter itself reports a burst"),
    "sign.heats": ("纯电阻性大功率负荷", "a resistive load of high power"),
    "sign.multiple": ("比平时多一倍以上", "far more than usual"),
    "cleared.back_at_usual": ("表计确认已恢复正常", "the meters say: back at usual"),
    "cleared.back_at_usual_for": ("表计确认：恢复正常已 {hours} 小时", "the meters say: back at usual for {hours} h"),
    "cleared.rules_changed": ("规则已更改，不再成立", "the rules changed and hold it no longer"),
    "label.open_and_take": ("查看并接单", "Open and take it"),
    "label.why": ("为何通知您", "Why you"),
    "label.taken": ("已接单", "Taken by"),
}

_COLUMN = {Language.ZH_CN: 0, Language.EN: 1}


def word(key: str, language: Language) -> str:
    """The word of a key such as `severity.critical`.

    A value that has no row (a rule of somebody's own) is shown as itself, underscores as spaces.
    """
    row = _TABLE.get(key)
    return row[_COLUMN[language]] if row else key.partition(".")[2].replace("_", " ")


def has_word(key: str) -> bool:
    """Whether the key has a row."""
    return key in _TABLE


def values_of(kind: str) -> tuple[str, ...]:
    """All values of a kind that have words, such as those of `cause`."""
    return tuple(key.removeprefix(f"{kind}.") for key in _TABLE if key.startswith(f"{kind}."))


def cause_text(evidence: Mapping[str, Any], language: Language) -> str:
    """What it probably is and how sure that is, `a toilet that runs (72 %)`; empty where the rules did not say."""
    cause = evidence.get("cause")
    if not isinstance(cause, Mapping) or not has_word(key := f"cause.{cause.get('code')}"):
        return ""
    sure = f"{round(100 * float(cause.get('confidence') or 0))} %"
    return f"{word(key, language)}（{sure}）" if language is Language.ZH_CN else f"{word(key, language)} ({sure})"


def back_text(evidence: Mapping[str, Any], language: Language) -> str:
    """Why it cleared: what the meters say, and for how long; empty where the rules did not say."""
    if not has_word(key := f"cleared.{evidence.get('cleared_because')}"):
        return ""
    back = evidence.get("back_at_usual")
    hours = back.get("hours") if isinstance(back, Mapping) else None
    if hours is None:
        return word(key, language)
    return word(f"{key}_for", language).format(hours=round(float(hours)))


def signs_text(evidence: Mapping[str, Any], language: Language) -> str:
    """What speaks for the cause, in words; empty without any."""
    cause = evidence.get("cause")
    signs = cause.get("signs") if isinstance(cause, Mapping) else None
    joint = "、" if language is Language.ZH_CN else ", "
    return joint.join(word(f"sign.{s}", language) for s in signs or () if has_word(f"sign.{s}"))


def reported_text(evidence: Mapping[str, Any], language: Language) -> str:
    """The alarms that meters themselves report, of all findings in an alert's evidence; empty without any."""
    joint = "、" if language is Language.ZH_CN else ", "
    return joint.join(dict.fromkeys(word(f"condition.{c}", language) for c in reported_codes(evidence)))


def pattern_text(evidence: Mapping[str, Any], language: Language) -> str:
    """When it is too much, of the first finding in an alert's evidence that says so; empty without any."""
    for finding in evidence.get("findings") or ():
        details = finding.get("details") if isinstance(finding, Mapping) else None
        if isinstance(details, Mapping) and has_word(key := f"pattern.{details.get('pattern')}"):
            return word(key, language)
    return ""


def rule_text(rule: str, evidence: Mapping[str, Any], language: Language) -> str:
    """What a rule is called; one of the user's own (`threshold:ID`) by the words that the user gave it."""
    kind, _, own = rule.partition(":")
    if not own:
        return word(f"rule.{rule}", language)
    findings = [f for f in evidence.get("findings") or () if isinstance(f, Mapping) and f.get("rule") == rule]
    details = findings[0].get("details") if findings else None
    name = details.get("name") if isinstance(details, Mapping) else None
    given = name.get(language.value) if isinstance(name, Mapping) else None
    return str(given) if given else f"{word(f'rule.{kind}', language)} {own}"


def words(language: Language) -> dict[str, str]:
    """All words of a language, by key."""
    return {key: row[_COLUMN[language]] for key, row in _TABLE.items()}
