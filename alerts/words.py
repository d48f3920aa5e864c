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
    "action.updated": ("数据更新", "updated"),
    "action.escalated": ("升级", "escalated"),
    "action.moved": ("位置缩小", "moved to a smaller place"),
    "action.inhibited": ("被其他告警解释", "explained by another alert"),
    "action.released": ("重新独立告警", "stands by itself again"),
    "action.cleared": ("表计确认恢复", "cleared by the meters"),
    "action.reopened": ("再次出现", "came back"),
    "action.overdue": ("超时未接单", "overdue"),
    "action.assigned": ("指派", "assigned"),
    "action.unassigned": ("取消指派", "assignment taken back"),
    "action.acknowledged": ("接单", "acknowledged"),
    "action.commented": ("备注", "commented"),
    "action.resolved": ("处理完毕", "resolved"),
    "action.handed_on": ("转交", "handed on"),
    "reason.raised": ("新告警", "New alert"),
    "reason.reopened": ("告警再次出现", "Alert is back"),
    "reason.assigned": ("派给您的告警", "Alert assigned to you"),
    "reason.escalated": ("告警升级", "Alert escalated"),
    "reason.cleared": ("告警恢复", "Alert cleared"),
    "reason.unanswered": ("无人接单", "Nobody has it yet"),
    "reason.repeated": ("仍未接单", "Still not taken"),
    "reason.digest": ("每日简报", "Daily digest"),
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
    "rule.zone_balance": ("总表与分表不平衡", "main meter and submeters disagree"),
    "rule.peer_usage": ("明显高于同类房间", "far above its peers"),
    "rule.meter_health": ("表计失联、停走或读数回跳", "meter silent, stuck or reset"),
    "rule.reported_leak": ("表计自报漏水", "the meter itself reports a leak"),
    "rule.reported_fault": ("表计自报故障", "the meter itself reports a fault"),
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
    "label.place": ("地点", "Place"),
    "label.what": ("情况", "What"),
    "label.reported": ("表计自报", "Reported by the meter"),
    "label.rate": ("多用", "Excess"),
    "label.since": ("开始", "Since"),
    "label.loss": ("累计损失（估计）", "Loss so far (estimate)"),
    "label.cleared": ("恢复", "Cleared"),
    "label.next": ("下一步", "Next step"),
    "label.open": ("查看", "Open"),
    "label.open_and_take": ("查看并接单", "Open and take it"),
    "label.why": ("为何通知您", "Why you"),
    "label.taken": ("已接单", "Taken by"),
    "step.check_gateway": (
        "检查这些表共用的网关的供电和网络，其他部分没有问题。",
        "Check power and network of the gateway these meters share; nothing else is wrong with them.",
    ),
    "step.check_meter_link": ("检查该表的供电、通信线或无线信号。", "Check the meter's power, cable or radio."),
    "step.mend_meter": (
        "检修表计：电池、表盖、铅封、时钟和水流方向；读数仍然有效。",
        "Have the meter looked at: battery, cover, seals, clock, flow direction; its readings still count.",
    ),
    "step.read_meter_on_site": (
        "到现场读表盘，与系统中的最近读数核对。",
        "Read the meter's display and compare it with the last register here.",
    ),
    "step.confirm_reset": (
        "问清谁动过这只表：读数已从头开始。",
        "Ask who worked on the meter: its register began again.",
    ),
    "step.declare_replacement": (
        "如已换表，请在站点文件中登记新表号和起码。",
        "If the meter was changed, enter its serial number and first register in the site file.",
    ),
    "step.walk_the_pipe": (
        "在安静时沿总表到分表之间的管线查：先看管井、阀门和地下室，边听边逐个关阀。",
        "Walk the pipe between the main meter and those below at a quiet hour; listen, and close valve by valve.",
    ),
    "step.check_fixtures": (
        "查看这里的马桶、龙头和淋浴；最常见的是水箱漏水。",
        "Look at toilets, taps and showers here; most often a cistern runs.",
    ),
    "step.close_branches_at_night": (
        "夜里逐个关闭分支并看这只表：关到哪一支表停，漏点就在那一支。",
        "At night close the branches one by one: the one after which this meter stands still leads to the leak.",
    ),
    "step.look_at_room": (
        "会同住户查看房间里插着的电器。",
        "Look at what is plugged in there, together with the people who live there.",
    ),
    "step.compare_use": (
        "先问清是否计划内用量，再派人。",
        "Ask whether this use is planned before anybody is sent.",
    ),
    "next.leak": (
        "到现场听漏、看管井和末端用水点；找到后先关就近阀门。",
        "Go there, listen at pipes and shafts, look at the taps and toilets; close the nearest valve once found.",
    ),
    "next.consumption": (
        "核对是否有计划用量；没有则到现场查看用水用电设备。",
        "Check for planned use; if there is none, look at what runs there.",
    ),
    "next.appliance": (
        "按宿舍管理规定上门核实，不得远程断电。",
        "Check on site by the dormitory's rules; nothing is switched off from afar.",
    ),
    "next.supply": ("检查上级供水供电和阀门、开关。", "Check the supply above: feeders, valves, switches."),
    "next.data_quality": (
        "检查表计供电、通信线和网关；换表请在站点文件中登记。",
        "Check the meter's power, its line and gateway; enter a replacement in the site file.",
    ),
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


def reported_text(evidence: Mapping[str, Any], language: Language) -> str:
    """The alarms that meters themselves report, of all findings in an alert's evidence; empty without any."""
    joint = "、" if language is Language.ZH_CN else ", "
    return joint.join(dict.fromkeys(word(f"condition.{c}", language) for c in reported_codes(evidence)))


def words(language: Language) -> dict[str, str]:
    """All words of a language, by key."""
    return {key: row[_COLUMN[language]] for key, row in _TABLE.items()}
