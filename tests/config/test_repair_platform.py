"""The repair platform's settings: what is refused and where it stands, presets, what the mapping makes of an order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.platform.json_path import MISSING, read, read_text, steps_of
from alerts.platform.mapping import PRESETS
from alerts.platform.reading import at_or_now, digest_of, read_event
from alerts.platform.signing import ForgedError, check, sign
from alerts.platform.values import FIELDS, Says, example_document
from alerts.platform.wire import Wire
from aquavolt.cli import app
from aquavolt.config.documents import ConfigError
from aquavolt.config.settings import load_settings
from aquavolt.repair.settings import RepairPlatformSettings
from metering.site_document import parse_site

SECRET = "a-secret-of-the-test-alone"  # noqa: S105 - of the test alone
USUAL = {"url": "https://baoxiu.example.edu.cn/hook?key=hidden", "secret": SECRET}
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SITE_DOCUMENT = {
    "site": {"id": "s", "name": "校区", "timezone": "Asia/Shanghai"},
    "nodes": [
        {"id": "campus", "kind": "campus", "name": "主校区"},
        {"id": "dorm-2", "kind": "building", "parent": "campus", "name": "梅园2号楼"},
        {"id": "dorm-2-f3", "kind": "floor", "parent": "dorm-2", "name": "3层"},
    ],
    "meters": [],
}
SITE = parse_site(SITE_DOCUMENT)


def settings(**more: Any) -> RepairPlatformSettings:
    return RepairPlatformSettings.model_validate(USUAL | more)


def rendered(event: OrderAction = OrderAction.CREATED, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Wire(settings(**more).send, lambda: SITE).body(example_document(event)))
    return found


# -- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("secret: short", ":4: repair_platform.secret"),
        ("secret: SECRET\n  preset: none-such", ":5: repair_platform.preset"),
        ("secret: SECRET\n  direction: up", ":5: repair_platform.direction"),
        ("secret: SECRET\n  odd: 1", ":5: repair_platform.odd: unknown key"),
        ("secret: SECRET\n  send:\n    template: {a: '{nobody}'}", ":6: repair_platform.send.template"),
        ("secret: SECRET\n  send:\n    codes:\n      status: {open: 1}", ":7: repair_platform.send.codes.status"),
        ("secret: SECRET\n  send:\n    codes:\n      status: {lost: 1}", "status.lost"),
        ("secret: SECRET\n  receive:\n    number: a..b", ":6: repair_platform.receive.number"),
        ("secret: SECRET\n  receive:\n    events: {1: created}", "repair_platform.receive.events.1"),
        ("secret: SECRET\n  receive: {order: null, number: null}", ":5: repair_platform.receive"),
        ("secret: SECRET\n  photos_from: ['http://x/']", ":5: repair_platform.photos_from.0"),
    ],
)
def test_faults_name_file_line_and_key(tmp_path: Path, given: str, said: str) -> None:
    path = tmp_path / "aquavolt.yaml"
    path.write_text(f"port: 8000\nrepair_platform:\n  url: https://x.example\n  {given.replace('SECRET', SECRET)}\n")
    with pytest.raises(ConfigError) as refused:
        load_settings(path, {})
    assert f"{path}{said}" in str(refused.value) if said.startswith(":") else said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_an_address_of_the_own_network_is_refused_unless_it_is_meant() -> None:
    with pytest.raises(ValueError, match="allow_networks"):
        settings(url="http://127.0.0.1:8091/hook")
    assert settings(url="http://127.0.0.1:8091/hook", allow_networks=["127.0.0.1/32"])


def test_neither_secret_nor_key_is_shown() -> None:
    found = settings(token="hidden-token")
    assert "hidden" not in repr(found)
    assert SECRET not in repr(found)
    assert found.shown == "https://baoxiu.example.edu.cn"


# -- out ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("event", OrderAction)
def test_every_preset_renders_every_event(preset: str, event: OrderAction) -> None:
    found = rendered(event, preset=preset)
    text = json.dumps(found, ensure_ascii=False)
    assert not [name for name in FIELDS if f"{{{name}}}" in text]


def test_every_state_has_a_code_in_the_preset_of_codes() -> None:
    codes = settings(preset="code-message").send.codes
    assert set(codes.status) == set(OrderState)
    assert len(set(codes.status.values())) == len(OrderState)


def test_a_name_alone_keeps_its_type_and_among_text_it_is_written_out() -> None:
    template = {"n": "{order}", "t": "单号 {order}/{number}", "list": ["{photos}", 7, None, True], "none": "{number}"}
    assert rendered(send={"template": template}) == {
        "n": 42, "t": "单号 42/", "list": [[], 7, None, True], "none": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        ("iso", "2026-11-23T04:00:00Z"),
        ("unix_s", 1795406400),
        ("unix_ms", 1795406400000),
        ("local", "2026-11-23 12:00:00"),
    ],
)
def test_times_are_written_as_wanted(times: str, shown: Any) -> None:
    assert rendered(send={"template": {"at": "{event_at}"}, "times": times}) == {"at": shown}


@pytest.mark.parametrize(
    ("codes", "place"),
    [
        ({}, "dorm-2-f3"),
        ({"dorm-2": "A02", "campus": "A"}, "A02"),
        ({"dorm-2-f3": 23, "dorm-2": "A02"}, 23),
        ({"x": 1}, "dorm-2-f3"),
    ],
)
def test_a_place_without_a_code_has_that_of_what_it_is_in(codes: dict[str, Any], place: Any) -> None:
    assert rendered(send={"template": {"p": "{place}"}, "codes": {"place": codes}}) == {"p": place}


def test_a_table_of_codes_that_is_given_leaves_the_presets_others() -> None:
    codes = settings(preset="code-message", send={"codes": {"place": {"dorm-2": "A02"}}}).send.codes
    assert codes.place == {"dorm-2": "A02"}
    assert codes.status[OrderState.CLOSED] == 50


def test_the_documentation_names_every_name_of_templates() -> None:
    for name in ("repair-platform.md", "repair-platform.zh-CN.md"):
        text = (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8")
        assert not [field for field in FIELDS if f"`{field}`" not in text]


# -- in -----------------------------------------------------------------------------------------------------------


def said(document: dict[str, Any], **receive: Any) -> Any:
    mapping = settings(receive=receive).receive
    return read_event(document, digest_of(json.dumps(document).encode()), mapping, SITE.zone)


def test_an_event_is_read_by_its_paths_and_unknown_members_are_left_alone() -> None:
    paths = {
        "id": "$.meta.id", "event": "data.items[1].code", "events": {20: "assigned"}, "number": "data.no",
        "order": None, "at": "meta.at", "person": "who", "people": {1007: "wang"}, "photos": "pics",
    }  # fmt: skip
    document = {
        "meta": {"id": 9, "at": "2026-11-23 12:00:00"}, "data": {"no": "B1", "items": [{}, {"code": 20}]},
        "who": 1007, "pics": ["http://a/1.jpg", 3, ""], "else": {"deep": [1]},
    }  # fmt: skip
    found = said(document, **paths)
    assert (found.id, found.says, found.number, found.person, found.at) == ("9", Says.ASSIGNED, "B1", "wang", NOW)
    assert found.photos == ("http://a/1.jpg",)


def test_somebody_whom_nobody_knows_leaves_no_name() -> None:
    found = said({"event": "assigned", "person": "张三"})
    assert (found.person, found.has_person) == ("", True)


@pytest.mark.parametrize(
    ("at", "moment"),
    [("2026-11-23T04:00:00Z", NOW), ("2026-11-23T12:00:00+08:00", NOW), (1795406400, NOW), ("1795406400000", NOW),
     ("2026-11-23 12:00", NOW), ("soon", None), ([], None), (True, None), (10**30, None), (None, None), ({}, None)],
)  # fmt: skip
def test_times_of_the_platform_are_understood(at: Any, moment: datetime | None) -> None:
    assert said({"event": "done", "at": at}).at == moment


def test_a_clock_that_runs_ahead_counts_as_now() -> None:
    ahead = timedelta(minutes=5)
    assert at_or_now(NOW + ahead, NOW, ahead) == NOW + ahead
    assert at_or_now(NOW + 2 * ahead, NOW, ahead) == NOW
    assert at_or_now(None, NOW, ahead) == NOW


@pytest.mark.parametrize(("rating", "kept"), [(5, 5), ("4.6", 5), (0, None), (9, None), ("good", None), (True, None)])
def test_a_rating_is_one_to_five(rating: Any, kept: int | None) -> None:
    assert said({"event": "rated", "rating": rating}).rating == kept


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "a[b]", "a[", "$", "a b[0]]", "[99999]"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        steps_of(path)


def test_what_does_not_stand_there_is_missing_and_null_is_not() -> None:
    document = {"a": [None, {"b": "x" * 9}]}
    assert read(document, "a[0]") is None
    assert read(document, "a[2]") is MISSING
    assert read(document, "a.b") is MISSING
    assert read_text(document, "a[1].b", 4) == "xxxx"
    assert read_text(document, "a", 4) == ""


# -- signatures ---------------------------------------------------------------------------------------------------


def test_a_signature_holds_for_its_body_time_and_secret_alone() -> None:
    stamp = str(int(NOW.timestamp()))
    signature = sign(SECRET, stamp, b"body")
    check(["other", SECRET], stamp, signature, b"body", NOW)
    check([SECRET], stamp, signature.upper().replace("SHA256=", "sha256="), b"body", NOW + timedelta(minutes=5))
    for secrets, time, body, now in (
        (["other"], stamp, b"body", NOW),
        ([SECRET], stamp, b"another", NOW),
        ([SECRET], str(int(stamp) + 1), b"body", NOW),
        ([SECRET], stamp, b"body", NOW + timedelta(seconds=301)),
        ([SECRET], stamp, b"body", NOW - timedelta(seconds=301)),
    ):
        with pytest.raises(ForgedError):
            check(secrets, time, signature, body, now)


def test_a_time_in_milliseconds_is_understood() -> None:
    stamp = str(int(NOW.timestamp() * 1000))
    check([SECRET], stamp, sign(SECRET, stamp, b""), b"", NOW)


# -- commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE_DOCUMENT, allow_unicode=True), encoding="utf-8")
    platform = USUAL | {"send": {"codes": {"place": {"dorm-2": "A02", "gone": "X"}}}}
    (tmp_path / "aquavolt.yaml").write_text(yaml.safe_dump({"repair_platform": platform}))
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, list(words))
    return ended.exit_code, ended.output + (str(ended.exception) if ended.exception else "")


def test_the_mapping_is_tried_without_sending(folder: Path) -> None:
    code, text = run("platform", "show", "--event", "done")
    assert code == 0
    assert '"place": "A02"' in text
    assert "X-AquaVolt-Signature: sha256=" in text
    assert SECRET not in text
    assert "hidden" not in text
    assert "places that the site has not: gone" in text
    assert "allowed: created" in run("platform", "show", "--event", "lost")[1]
    (folder / "event.json").write_text('{"event": "closed", "number": "B1"}')
    assert '"says": "closed"' in run("platform", "show", "--read", "event.json")[1]


def test_check_tells_what_the_mapping_hardly_means(folder: Path) -> None:
    assert "these places have no code for the repair platform, their ids are sent: campus" in run("check")[1]


def test_without_records_nothing_is_sent_again(folder: Path) -> None:
    assert "no records" in run("platform", "replay", "--order", "1")[1]
    assert "say one of" in run("platform", "replay")[1]
