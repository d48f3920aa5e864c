"""The columns of a meter list: what they are called, Chinese and English, and what may stand in them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from metering.quantities import MEDIA

Read = Callable[[str], object]


class CellError(ValueError):
    """What a cell may hold instead; the message says it after `allowed: `."""


@dataclass(frozen=True, slots=True)
class Column:
    """`words` are its names in a list, the first two those of the template (Chinese, English); `about` explains it."""

    name: str
    words: tuple[str, ...]
    about: tuple[str, str]
    read: Read = str


_NUMBER = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?([eE][+-]?\d+)?")
_MEDIUM_WORDS = {
    "electricity": ("electricity", "electric", "power", "电", "电表", "电力", "电能"),
    "water": ("water", "水", "水表", "冷水", "热水", "自来水", "中水", "生活用水"),
    "gas": ("gas", "气", "气表", "燃气", "天然气", "燃气表"),
    "heat": ("heat", "热", "热表", "热量", "热量表", "冷量", "暖气", "供暖"),
    "other": ("other", "其他", "其它"),
}
_MEDIA = {word: medium for medium, words in _MEDIUM_WORDS.items() for word in words}


def _medium(text: str) -> str:
    found = _MEDIA.get(text.casefold().replace(" ", ""))
    if found is None:
        raise CellError(f"{', '.join(MEDIA)}, 电, 水, 气, 热, 其他")
    return found


def _positive(text: str) -> float | int:
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text.replace(",", ""))) or number <= 0:
        raise CellError("a number above 0")
    return int(number) if number.is_integer() else number


def _count(text: str) -> int:
    number = float(text) if _NUMBER.fullmatch(text) else -1.0
    if number < 0 or not number.is_integer():
        raise CellError("a whole number, 0 or more")
    return int(number)


def _ratio(text: str) -> float | int:
    """A factor, or the ratio of a transformer: 60, 300/5, 300/5A, 60倍."""
    above, slash, below = re.sub(r"[倍×xXA\s]", "", text).replace(":", "/").replace("：", "/").partition("/")
    try:
        number = float(_positive(above)) / (float(_positive(below)) if slash else 1.0)
    except CellError:
        raise CellError("a factor such as 60, or a ratio such as 300/5") from None
    return int(number) if number.is_integer() else number


def _meters(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[;；,，、\n]", text) if part.strip())


COLUMNS: tuple[Column, ...] = (
    Column("id", ("表号", "meter", "表计编号", "表编号", "仪表编号", "计量点编号", "编号", "meter id", "meter no"),
           ("必填，全校唯一", "needed; unique")),
    Column("name", ("名称", "name", "表名称", "表计名称", "仪表名称", "计量点名称", "计量点", "meter name"),
           ("这块表计量什么", "what it measures")),
    Column("campus", ("校区", "campus", "园区"), ("只有一个校区时可不填", "only where there are several")),
    Column("building", ("建筑", "building", "楼栋", "楼宇", "建筑物", "楼号", "建筑名称"), ("", "")),
    Column("floor", ("楼层", "floor", "层", "所在楼层"), ("", "")),
    Column("room", ("房间", "room", "房间号", "房号", "安装房间", "宿舍号"), ("", "")),
    Column("medium", ("介质", "medium", "能源类型", "表类型", "表计类型", "能耗类型", "计量介质"),
           ("必填：电、水、气、热、其他", "needed: electricity, water, gas, heat, other"), _medium),
    Column("profile", ("型号/协议", "model/protocol", "型号", "表型号", "仪表型号", "规格型号", "model", "设备型号",
                       "profile", "配置文件"),
           ("型号，或协议如 DL/T 645-2007", "model, profile id, or a protocol such as DL/T 645-2007")),
    Column("protocol", ("协议", "protocol", "通信协议", "通讯协议", "规约", "通信规约"), ("", "")),
    Column("device_address", ("通信地址", "address", "通讯地址", "表地址", "地址", "站号", "从站地址", "设备地址",
                              "device address", "unit", "modbus address"),
           ("站号，或 12/14 位表地址", "unit number, or the meter's 12 or 14 digits")),
    Column("connection", ("连接", "connection", "通信连接", "网关", "采集器", "接入方式", "通信参数"),
           ("例如 tcp://192.168.1.10:502", "such as tcp://192.168.1.10:502")),
    Column("multiplier", ("倍率", "multiplier", "变比", "ct变比", "互感器倍率", "互感器变比", "ratio", "ct ratio"),
           ("例如 60 或 300/5", "such as 60 or 300/5"), _ratio),
    Column("parent", ("上级表", "parent", "上级表号", "父表", "总表", "上级计量点", "parent meter", "fed by"),
           ("上级表的表号", "the meter that feeds it"), _meters),
    Column("poll_s", ("采集周期", "period", "采集间隔", "抄表周期", "poll_s", "poll"), ("秒", "seconds"), _positive),
    Column("register_digits", ("表码位数", "digits", "码位", "register_digits"), ("", ""), _count),
    Column("max_flow_m3_per_h", ("最大流量", "max flow", "过载流量", "max_flow_m3_per_h"), ("m3/h", "m3/h"), _positive),
    Column("max_power_kw", ("最大功率", "max power", "max_power_kw"), ("kW", "kW"), _positive),
    Column("accuracy_class", ("准确度等级", "accuracy", "精度", "精度等级", "accuracy_class"), ("", "")),
    Column("use", ("用途", "use", "房间用途", "建筑用途"), ("宿舍、教学等，属于该地点", "of the place")),
    Column("beds", ("床位", "beds", "床位数"), ("属于该地点", "of the place"), _count),
    Column("people", ("人数", "people", "入住人数"), ("属于该地点", "of the place"), _count),
    Column("area_m2", ("面积", "area", "建筑面积", "area_m2"), ("m2，属于该地点", "m2, of the place"), _positive),
    Column("department", ("部门", "department", "管理部门", "使用单位", "所属单位"), ("属于该地点", "of the place")),
)  # fmt: skip
BY_NAME = {column.name: column for column in COLUMNS}
NEEDED = ("id", "medium")
ABOUT_SHEETS = ("说明", "columns")
PLACES = ("campus", "building", "floor", "room")
OF_PLACE = ("use", "beds", "people", "area_m2", "department")
_OPTIONAL_END = re.compile(r"[(（\[【].*|[*＊:：\s]+$")
_WORDS = {re.sub(r"\s", "", word.casefold()): c.name for c in COLUMNS for word in (*c.words, c.name)}


def column_of(header: str) -> str | None:
    """Our name of a column; None for one that is not ours. `倍率(CT)`, `表号*` and `Meter ID` are understood."""
    return _WORDS.get(re.sub(r"\s", "", _OPTIONAL_END.sub("", header.casefold().strip())))
