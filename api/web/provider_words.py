"""The words of signing in at a provider: what went wrong there, and what the audit says of it."""

from __future__ import annotations

from alerts.users.errors import ProviderRefusal
from alerts.users.values import AccountAction, AccountEntry
from api.sign_in import Trouble
from api.web.rendering import Reader
from api.web.wording import N_

TROUBLES = {
    Trouble.UNREACHABLE: N_("%(label)s does not answer now. Sign in with an account of AquaVolt, or try again later."),
    Trouble.DENIED: N_("%(label)s did not sign you in."),
    Trouble.STALE: N_("This sign-in was finished already, or took too long. Begin again."),
    Trouble.REFUSED: N_("%(label)s does not take AquaVolt's request. An administrator has to look at the settings."),
    Trouble.UNTRUSTED: N_("What %(label)s says of you cannot be trusted. An administrator has to look at this."),
    Trouble.OUTSIDER: N_("%(label)s knows you, but not as one of this organisation."),
}
REFUSALS = {
    ProviderRefusal.NO_ROLE: N_("You are known there, but have no role in AquaVolt. Ask an administrator for one."),
    ProviderRefusal.OUT_OF_USE: N_("Your account in AquaVolt is out of use. Ask an administrator."),
    ProviderRefusal.TAKEN: N_("This person is linked with another account already."),
}
# The same for those who read the audit.
REASONS = {
    Trouble.UNREACHABLE.value: N_("it did not answer"),
    Trouble.DENIED.value: N_("it did not sign them in"),
    Trouble.REFUSED.value: N_("it did not take our request"),
    Trouble.UNTRUSTED.value: N_("its answer could not be trusted"),
    Trouble.OUTSIDER.value: N_("none of the organisation"),
    ProviderRefusal.NO_ROLE.value: N_("no role"),
    ProviderRefusal.OUT_OF_USE.value: N_("account out of use"),
    ProviderRefusal.TAKEN.value: N_("linked with another account"),
}


def trouble_of(trouble: Trouble, label: str, reader: Reader) -> str:
    """Why a sign-in at a provider came to nothing, in the reader's language."""
    return str(reader.wording.gettext(TROUBLES[trouble])) % {"label": label}


def refusal_of(refusal: ProviderRefusal, reader: Reader) -> str:
    """Why somebody who is signed in at a provider is not let in, in the reader's language."""
    return str(reader.wording.gettext(REFUSALS[refusal]))


def detail_of_provider(entry: AccountEntry, reader: Reader) -> str:
    """What an entry of the audit says of a provider: which, whom it knows, or why nobody was let in."""
    known = entry.detail
    if entry.action is AccountAction.PROVIDER_REFUSED:
        reason = str(known.get("reason", ""))
        return str(reader.wording.gettext(REASONS[reason])) if reason in REASONS else reason
    return " · ".join(str(known[key]) for key in ("provider", "subject") if key in known)
