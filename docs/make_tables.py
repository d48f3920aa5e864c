"""Writes the tables of docs/*.md that come from the program itself, so that they never lie; a test runs it too.

    python docs/make_tables.py

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`; `TABLES` has the names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml
from pydantic import BaseModel

from alerts.users.roles import ROLE_PERMISSIONS, Permission
from aquavolt.sign_in.settings import DingtalkSignInSettings, OidcSettings, RoleRule, WecomSignInSettings
from device_profiles.catalogue import details_text, overview_table
from metering.meter_alarms import METER_ALARMS, AlarmKind
from metering.quantities import QUANTITIES
from rules.detectors.registry import DETECTORS
from rules.detectors.threshold_settings import UserRule
from rules.expressions.inputs import INPUTS
from rules.settings import IncidentSettings
from simulators.faults import KINDS

HERE = Path(__file__).parent
_PLACE = re.compile(r"(<!-- table: (?P<name>[\w -]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


_CHINESE: dict[str, str] = yaml.safe_load((HERE / "rules.zh-CN.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Tables:
    """The tables of rules*.md in one language; `texts` has what is said in it, by the English. `unsaid`: not there."""

    heads: dict[str, str]
    texts: Mapping[str, str] | None = None
    unsaid: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def say(self, english: str) -> str:
        """The same in this language; English where that is not known."""
        self.used.add(english)
        if self.texts is None or english in self.texts:
            return english if self.texts is None else self.texts[english]
        self.unsaid.add(english)
        return english

    def settings(self, model: type[BaseModel]) -> str:
        """Key, default and meaning of each setting; a meaning that ends in `...` goes on in the next row."""
        rows = [self.heads["settings"], "|---|---|---|"]
        for key, of in model.model_fields.items():
            default = of.get_default(call_default_factory=True)
            shown = self.heads["required"] if of.is_required() else json.dumps(default, default=str, ensure_ascii=False)
            rows.append(f"| `{of.alias or key}` | {shown} | {self.say(of.description or '')} |")
        return "\n".join(rows)

    def inputs(self) -> str:
        """What a rule of the user's own may speak of."""
        rows = [f"| `{name}` | {self.say(i.meaning)} |" for name, i in INPUTS.items()]
        return "\n".join([self.heads["inputs"], "|---|---|", *rows])

    def alarms(self) -> str:
        """What meters report of themselves, and which rule takes it."""
        rules = {AlarmKind.LEAK: "`reported_leak`", AlarmKind.STATE: self.heads["none"]}
        rows = [self.heads["alarms"], "|---|---|---|---|"]
        for alarm in METER_ALARMS:
            rule = rules.get(alarm.kind, "`reported_fault`")
            rows.append(f"| `{alarm.code}` | {self.say(alarm.meaning)} | {rule} | {alarm.source} |")
        return "\n".join(rows)

    def cautious(self) -> str:
        """Which thresholds of a rule what people say raises for a meter."""
        rows = [self.heads["cautious"], "|---|---|"]
        for rule, detector in DETECTORS.items():
            names = detector.Settings.cautious
            shown = [f"`{n}`" if none == 0 else self.heads["above"].format(n, none) for n, none in names.items()]
            rows += [f"| `{rule}` | {self.heads['joint'].join(shown)} |"] if shown else []
        return "\n".join(rows)

    def named(self, ending: str = "") -> Iterator[tuple[str, Callable[[], str]]]:
        """Each by its name."""
        yield f"alarms{ending}", self.alarms
        yield f"threshold quantities{ending}", self.inputs
        yield f"cautious{ending}", self.cautious
        for kind in (OidcSettings, WecomSignInSettings, DingtalkSignInSettings, RoleRule):
            yield f"{kind.__name__}{ending}", partial(self.settings, kind)
        models = {"own rule": UserRule, "incidents": IncidentSettings, **{r: d.Settings for r, d in DETECTORS.items()}}
        for name, model in models.items():
            yield f"{name}{ending}", partial(self.settings, model)


ENGLISH = Tables(
    {
        "settings": "| key | default | meaning |",
        "required": "required",
        "inputs": "| quantity | meaning |",
        "alarms": "| code | meaning | rule | stated by |",
        "none": "none",
        "cautious": "| rule | thresholds that the factor raises |",
        "above": "`{}` (what is above {:g})",
        "joint": ", ",
    }
)
CHINESE = Tables(
    {
        "settings": "| 键 | 默认值 | 含义 |",
        "required": "必填",
        "inputs": "| 量 | 含义 |",
        "alarms": "| 代码 | 含义 | 规则 | 出处（英文） |",
        "none": "无",
        "cautious": "| 规则 | 系数抬高的阈值 |",
        "above": "`{}`（高出 {:g} 的部分）",
        "joint": "、",
    },
    _CHINESE,
)


def quantities_table() -> str:
    """What a meter can measure, and the unit in which it is always carried."""
    rows = ["| quantity | unit | kind |", "|---|---|---|"]
    for quantity in QUANTITIES:
        kind = "counter" if quantity.is_cumulative else "moment"
        rows.append(f"| `{quantity.name}` | {quantity.unit or '-'} | {kind} |")
    return "\n".join(rows)


_FAULTS_ZH = {
    "silent": "不应答，不上报",
    "slow": "应答或上报推迟这么久",
    "late": "对一次询问的应答，到下一次询问时才来",
    "half": "只到前一半字节",
    "noise": "每次应答或消息之前有这么多字节的干扰",
    "crc": "CRC 或校验和错误",
    "exception": "每次询问都以此代码拒绝",
    "word-order": "32 位和 64 位数值的字序颠倒",
    "stale": "应答带的是这么多次询问之前的事务号",
    "clock": "表内时钟快这么多；负数为慢",
    "reset": "启动这么久之后，表底从 0 重新开始",
    "rollover": "启动这么久之后，表底走过最后一位归零",
}


def faults_table(head: str, meanings: dict[str, str]) -> str:
    """What can be wrong with a simulated meter, the number it takes, and where it can be."""
    rows = [head, "|---|---|---|"]
    for kind in KINDS.values():
        form = kind.name if kind.usual is None else f"{kind.name}[={kind.usual:g}]"
        unit = f" ({kind.unit})" if kind.unit else ""
        rows.append(f"| `{form}` | {meanings[kind.name]}{unit} | {', '.join(kind.ways)} |")
    return "\n".join(rows)


def roles_table(head: str) -> str:
    """Which role has which permission."""
    kinds = [p for p in Permission if "." in p]
    rows = [f"| {head} | {' | '.join(f'`{p}`' for p in kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for role, may in ROLE_PERMISSIONS.items():
        rows.append(f"| `{role}` | {' | '.join('✓' if p in may else '' for p in kinds)} |")
    return "\n".join(rows)


def _tables() -> Iterator[tuple[str, Callable[[], str]]]:
    yield "profiles", overview_table
    yield "profile sources", details_text
    yield "quantities", quantities_table
    yield (
        "simulated faults",
        lambda: faults_table("| fault | what happens | where |", {k.name: k.meaning for k in KINDS.values()}),
    )
    yield "simulated faults zh", lambda: faults_table("| 故障 | 现象 | 适用 |", _FAULTS_ZH)
    yield "roles", lambda: roles_table("role")
    yield "roles zh", lambda: roles_table("角色")
    yield from ENGLISH.named()
    yield from CHINESE.named(" zh")


TABLES = dict(_tables())


def with_tables(text: str) -> str:
    """The document with its tables made anew.

    Raises:
        KeyError: it names a table that there is not.
    """
    return _PLACE.sub(lambda m: f"{m[1]}{TABLES[m['name']]()}\n{m[3]}", text)


def main() -> None:
    for path in sorted(HERE.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (made := with_tables(text)) != text:
            path.write_text(made, encoding="utf-8")
            print(f"{path.name}: tables made anew")


if __name__ == "__main__":
    main()
