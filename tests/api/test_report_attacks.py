"""The form that anybody may send, as somebody sends it who means harm, or who is only unlucky."""

from __future__ import annotations

import asyncio
import io
import re
import struct
from datetime import timedelta

import httpx
import pytest
from PIL import Image
from reported import PAGE, photo, report

from alerts.orders import pictures, reporting
from alerts.orders.pictures import MOST_SCANS, PictureError, Refusal, take_picture
from alerts.orders.values import ReportState


def form_of(text: bytes, name: bytes = b"words", end: bytes = b"\r\n--x--\r\n") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + text + end


def send(client, body: bytes, said: str = ""):
    headers = {"Content-Type": f"multipart/form-data; boundary=x{said}"}
    return client.post("/report", content=body, headers=headers)


@pytest.mark.parametrize(
    "said", ["; charset=punycode", "; charset=idna", '; CHARSET="punycode"', "; charset*=''punycode"]
)
@pytest.mark.timeout(30)
def test_no_codec_of_the_senders_choice_is_run(served, said):
    """Punycode takes a minute of the one loop for a megabyte, and a form has sixty fields."""
    words = (b"a" * 30_000 + b"-" + b"b" * 30_000 + b"\r\n--x\r\nContent-Disposition: form-data; name=b\r\n\r\n") * 15
    assert send(served.client, form_of(words), said).status_code in {415, 422}


def test_a_form_in_utf_8_that_says_so_is_read(served):
    answer = send(served.client, form_of(b"dorm-1", b"node"), "; charset=UTF-8")
    assert "Write something first" not in answer.text
    assert answer.status_code == 303
    assert served.app.state.orders.reports()[0].node == "dorm-1"


def test_a_text_of_a_megabyte_is_not_read(served):
    assert send(served.client, form_of(b"x" * 70_000)).status_code == 422


@pytest.mark.parametrize("end", [b"", b"\r\n--x", b"\r\n--x\r\n", b"\r\n--"])
def test_a_form_that_is_cut_short_is_no_report(served, end):
    node = form_of(b"dorm-1", b"node", b"\r\n")
    file = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n' + photo()
    assert send(served.client, node + file + end).status_code == 422
    assert served.app.state.orders.reports() == ()


def marker(code: int, data: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(data) + 2) + data


def many_scans(scans: int, side: int = 64) -> bytes:
    """A progressive JPEG, whose every scan after the first goes over all blocks and says nothing of any."""
    quantities = marker(0xDB, b"\0" + b"\x01" * 64)
    frame = marker(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    tables = marker(0xC4, b"\x00\1" + b"\0" * 15 + b"\0") + marker(0xC4, b"\x10\1" + b"\0" * 15 + b"\xe0")
    blocks = (side // 8) ** 2
    first = marker(0xDA, b"\1\1\0\0\0\0") + b"\0" * (blocks // 8)
    again = marker(0xDA, b"\1\1\0\1\x3f\0") + (b"\x7f\xff\0" * (blocks // 32767 + 1))
    return b"\xff\xd8" + quantities + frame + tables + first + again * (scans - 1) + b"\xff\xd9"


def test_a_photo_of_thousands_of_scans_is_not_decoded(served):
    """Of 5000 x 5000 pixels and 10 MB it would take twenty minutes, and no other photo were taken meanwhile."""
    assert take_picture(many_scans(12)).width == 64
    with pytest.raises(PictureError) as refused:
        take_picture(many_scans(MOST_SCANS + 1))
    assert refused.value.reason is Refusal.DAMAGED
    order = served.client.post("/api/v1/orders", json={"node": "dorm-1"}).json()["id"]
    answer = served.client.post(f"/api/v1/orders/{order}/photos", content=many_scans(5000, 4096))
    assert answer.status_code == 422


def test_photos_that_wait_hold_up_no_page(served):
    """More of them at once than there are threads for pages."""

    async def crowd() -> None:
        way = httpx.ASGITransport(served.app)
        async with httpx.AsyncClient(transport=way, base_url="http://127.0.0.1:8000", timeout=60) as client:
            with pictures._decoding:  # the photo before them takes its time
                sent = [asyncio.create_task(send_photo(client)) for _ in range(60)]
                async with asyncio.timeout(30):
                    while not served.app.state.seen >= len(sent):  # noqa: ASYNC110 - counted by the application
                        await asyncio.sleep(0.01)
                    assert (await client.get("/report", headers=PAGE)).status_code == 200
            assert {answer.status_code for answer in await asyncio.gather(*sent)} == {303}

    async def send_photo(client: httpx.AsyncClient) -> httpx.Response:
        files = [("photo", ("a.jpg", photo(), "image/jpeg"))]
        return await client.post("/report", data={"node": "dorm-1", "words": "水"}, files=files)

    served.app.state.seen = 0
    take_all(served)
    asyncio.run(crowd())
    assert len(served.app.state.orders.reports(limit=500)) == 60


def take_all(served) -> None:
    """Let everybody report, and count them."""

    class Everybody:
        def wait_s(self, _address: str) -> int:
            served.app.state.seen += 1
            return 0

    served.app.state.reporters = Everybody()


def test_a_second_tap_makes_no_second_report(served):
    take_all_quietly(served)
    once = re.search(r'name="once" value="([^"]+)"', served.client.get("/report", headers=PAGE).text)[1]
    file = ("a.jpg", photo(), "image/jpeg")
    first, again = (report(served.client, files=[file], once=once) for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"]
    assert len(served.app.state.orders.reports()) == 1
    other = report(served.client, files=[file], once=once, words="又漏了")
    assert other.headers["Location"] != first.headers["Location"]
    bare = [report(served.client).headers["Location"] for _ in range(2)]
    assert len({*bare}) == 2
    assert len(served.app.state.orders.reports()) == 4


@pytest.mark.parametrize("once", ["x" * 300, "a\0b", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_an_odd_key_of_a_page_is_as_none(served, once):
    assert report(served.client, once=once).status_code == 303
    assert len(served.app.state.orders.reports()) == 1


def take_all_quietly(served) -> None:
    served.app.state.seen = 0
    take_all(served)


def test_who_need_not_sign_in_fills_no_disk(served, make, monkeypatch):
    monkeypatch.setattr(reporting, "MOST_PHOTOS_A_DAY", 3)
    now = [served.parts.now()]
    served = make(now=lambda: now[0])
    take_all_quietly(served)
    two = [("a.jpg", photo(), "image/jpeg")] * 2
    assert report(served.client, files=two).status_code == 303
    full = report(served.client, files=two)
    assert full.status_code == 422
    assert "No more photos are taken today" in full.text
    assert report(served.client, files=two[:1]).status_code == 303
    assert report(served.client).status_code == 303  # words are always taken
    now[0] += timedelta(hours=25)
    assert report(served.client, files=two).status_code == 303
    assert len(served.app.state.orders.reports((ReportState.NEW,))) == 4


def test_broken_metadata_cost_no_photo():
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    Image.effect_noise((64, 32), 60).convert("RGB").save(out, "JPEG", exif=exif)
    whole = out.getvalue()
    assert (take_picture(whole).width, take_picture(whole).height) == (32, 64)
    kind = whole.index(b"\x01\x0f\x00\x02") + 2  # the maker is a text: say that it is a number of bytes without a sign
    for wrong in (1, 5, 10, 12, 13):
        broken = whole[:kind] + struct.pack(">H", wrong) + whole[kind + 2 :]
        assert take_picture(broken).width in {32, 64}, wrong
