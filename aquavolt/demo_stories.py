"""What the demo's people did before it was first started: who there is, what was reported, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.users.roles import Role

OFFICE = "zhang.min"
PLUMBERS = ("li.wei", "wang.qiang")
PEOPLE: dict[str, Role] = {
    OFFICE: Role.ENERGY_MANAGER,
    **dict.fromkeys(PLUMBERS, Role.MAINTAINER),
    "hengtong": Role.CONTRACTOR,
    "anda": Role.CONTRACTOR,
}


@dataclass(frozen=True, slots=True)
class Try:
    """Once at it: hours from the report until it began and until it was done, what was written, the bill so far."""

    start_h: float
    done_h: float | None = None
    note: str = ""
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One report. Each further try comes after the office had opened the order again for `reopened_for`.

    rating  None: the office has not confirmed it yet
    photo   seed of what was photographed, by whoever reported and after the repair; None: nobody did
    """

    days_ago: float
    node: str
    words: str
    spot: str = ""
    assignee: str = ""
    tries: tuple[Try, ...] = ()
    reopened_for: str = ""
    rating: int | None = None
    praise: str = ""
    photo: int | None = None
    dismissed: str = ""


REPORTED = (
    Story(
        33,
        "dorm-2-f3",
        "水房水龙头关不紧，一直在流。",
        "3层水房",
        "hengtong",
        (Try(3, 6.5, "更换水龙头阀芯两只。", 90),),
        "",
        5,
        "来得很快。",
    ),
    Story(
        29,
        "teaching",
        "小便池一直冲水，停不下来。",
        "2层男卫生间",
        "anda",
        (Try(22, 81, "更换感应冲洗阀。", 460),),
        "",
        3,
        "超过期限，学生又报了一次。",
    ),
    Story(
        24,
        "dorm-1-f5",
        "洗衣机角阀滴水，地上一滩水。",
        "5层洗衣间",
        "li.wei",
        (Try(2, 4, "角阀更换，接口重新缠生料带。"),),
        "",
        5,
    ),
    Story(
        21,
        "canteen",
        "洗菜池下面的管子漏水。",
        "后厨东侧",
        "hengtong",
        (Try(2, 9, "下水软管更换。", 120), Try(21, 26, "接口开裂，整段更换为PPR管。", 380)),
        "还在渗水，请再来看。",
        4,
        "第二次才修好。",
    ),
    Story(
        17, "dorm-3-f4", "淋浴间混水阀坏了，热水关不掉。", "4层浴室", "anda", (Try(30, 52, "更换混水阀。", 260),), "", 4
    ),
    Story(
        12,
        "library",
        "饮水机旁边的水管接头滴水。",
        "1层大厅",
        "hengtong",
        (Try(4, 7, "更换DN20接头。", 75),),
        "",
        5,
        photo=11,
    ),
    Story(
        8,
        "dorm-2-f5",
        "马桶水箱一直进水，晚上很响。",
        "5层卫生间第3间",
        "anda",
        (Try(26, 90, "更换进水阀和浮球。", 180),),
        "",
        2,
        "催了两次才来。",
        photo=12,
    ),
    Story(
        6,
        "garden",
        "草坪边的喷头一直在喷水。",
        "南门草坪",
        dismissed="这是冬季前的定时浇灌，每天6点到7点，不是漏水。谢谢您！",
    ),
    Story(
        3,
        "dorm-1-f4",
        "洗手池下面漏水，用盆接着。",
        "4层水房",
        "hengtong",
        (Try(3, 20, "更换弯管和密封圈，试水10分钟不漏。", 110),),
        photo=13,
    ),
    Story(1, "dorm-3-f1", "水管接口往外喷水！", "1层热水间", "anda", (Try(5),), photo=14),
    Story(0.4, "dorm-2-f6", "水龙头滴水，整夜都听得到。", "6层水房", "wang.qiang"),
    Story(0.2, "dorm-2-f2", "走廊尽头的水龙头关了还在流，已经两天了。", "2层走廊北端", photo=15),
)
"""In the order in which they came. The last one waits in the inbox."""

MENDED = {
    "leak": "开挖后发现DN50管接头断裂，已更换，试压合格。",
    "data_quality": "通信模块死机，更换后恢复上报。",
    "consumption": "现场有人私接充电，已清走并张贴通知。",
    "appliance": "室内电热器具已收走，学生签字。",
    "supply": "错开蒸箱和洗碗机的使用时间，需量已回落。",
}
"""What was written when an alert of that category was settled."""
BILLED = {"leak": 2650.0, "data_quality": 320.0}

IN_WORK = "夜里逐层关阀听音，2层水房方向有水声，明天上午开检修口。"
LOCKED = "门锁着，没有钥匙。"
