"""What the scripts of the phone say; `#` stands for a number, a name or a time."""

from __future__ import annotations

from collections.abc import Callable

from api.web.wording import N_

_WORDS = {
    "kept": N_("Kept on this phone; it is sent when there is a connection."),
    "waits": N_("waits to be sent"),
    "waiting": N_("Not sent yet: #"),
    "refused": N_("Not taken"),
    "quicker": N_("# was quicker"),
    "changed": N_("somebody else changed it in between: look at it again"),
    "dismiss": N_("Dismiss"),
    "taken": N_("As it was at #"),
    "lose": N_("Not sent yet: #. Signing out takes them away for good. Sign out all the same?"),
    "forget": N_("Take away what this phone has kept, also what is not sent yet?"),
}


def phone_words(gettext: Callable[[str], str]) -> dict[str, str]:
    """The words of one language."""
    return {name: gettext(text) for name, text in _WORDS.items()}
