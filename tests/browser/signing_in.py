"""Signing in on the page, as people do."""

from __future__ import annotations

from typing import Any

OWN = "quiet-river-4711"


def sign_in(page: Any, name: str, password: str) -> None:
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("main button")
    page.wait_for_url(lambda url: "sign-in" not in url)


def first_sign_in(page: Any, name: str, given: str) -> None:
    """With a one-time password: the page asks for one's own before all else."""
    sign_in(page, name, given)
    assert page.url.endswith("/account")
    assert page.locator("nav.av-nav a").count() == 0
    page.fill("#old", given)
    page.fill("#new", OWN)
    page.fill("#again", OWN)
    page.locator("form[action='/account/password'] button").click()
    page.wait_for_url("**/account?notice=password")
    page.wait_for_load_state("networkidle")  # what is still on its way when a page is left counts as failed
