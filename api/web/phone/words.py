"""What the scripts of the phone say; `#` stands for a number, a name or a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.web.orders.words import NOTICES
from api.web.wording import N_

_WORDS = {
    "kept": N_("Kept on this phone; it is sent when there is a connection."),
    "waits": N_("waits to be sent"),
    "waiting": N_("Not sent yet: #"),
    "refused": N_("Not taken"),
    "quicker": N_("# was quicker"),
    "dismiss": N_("Dismiss"),
    "taken": N_("As it was at #"),
    "lose": N_("Not sent yet: #. Signing out takes them away for good. Sign out all the same?"),
    "photo": N_("photo"),
    "again": N_("Send all the same"),
    "rescue": N_("Keep the words as a note"),
    "room": N_("This phone has no room to keep this: it is not recorded."),
    "forget": N_("Take away what this phone has kept, also what is not sent yet?"),
}
# Why something was refused, by the code of the answer.
_WHY = {
    **{code: NOTICES[code] for code in ("conflict", "wrong_state", "meters_disagree", "not_yours", "full")},
    "gone": N_("it is no longer there, or not yours to see"),
    "too_old": N_("it was made too long ago"),
}
_NAMES = {"demo": N_("Demo administrator"), "meters": N_("the meters")}


def phone_words(gettext: Callable[[str], str]) -> dict[str, Any]:
    """The words of one language."""
    words: dict[str, Any] = {name: gettext(text) for name, text in _WORDS.items()}
    words["why"] = {code: gettext(text) for code, text in _WHY.items()}
    words["names"] = {name: gettext(text) for name, text in _NAMES.items()}
    return words
