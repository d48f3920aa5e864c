"""Providers of sign-in as the settings file names them. Words only: whoever reads settings loads no client library."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from alerts.users.roles import WHOLE_SITE, Role
from aquavolt.config.forms import NAME


def _safe_address(text: str) -> str:
    """An address over TLS; without it only on this machine, for trying things out."""
    parts = urlsplit(text)
    if parts.scheme == "https" and parts.hostname and not parts.query and not parts.fragment:
        return text
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return text
    raise ValueError("it must be like https://host or https://host/path; http:// only on this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Address = Annotated[str, AfterValidator(_safe_address)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoleGrant(_Strict):
    """A role in parts of the site."""

    role: Role = Field(description="what the person may do")
    nodes: tuple[str, ...] = Field(
        (WHOLE_SITE,), min_length=1, description="parts of the site, each with all below it; none named: all of it"
    )

    @model_validator(mode="after")
    def _admins_have_all(self) -> Self:
        if self.role is Role.ADMIN and self.nodes != (WHOLE_SITE,):
            raise ValueError("an administrator is limited to no part of the site: leave `nodes` out")
        return self


class RoleRule(RoleGrant):
    """Who has a certain value in a claim has the role. The first rule that fits gives it, later ones add places."""

    claim: str = Field(min_length=1, description="its name; `a.b` is the member b of the claim a")
    value: str | int | bool = Field(description="the claim has it, or is a list that has it")


class _Provider(_Strict):
    id: str = Field(pattern=NAME, description="in addresses and audits; never change it")
    label: str = Field("", max_length=40, description="on the button; none: the id")
    roles: tuple[RoleRule, ...] = Field(
        (), description="what a person's claims give, at each sign-in; none: roles are given in AquaVolt"
    )
    default: RoleGrant | None = Field(None, description="for those whom no rule fits; none: they are not let in")
    name_claim: str = Field("", description="what a new account is called; none: the provider's usual one")
    timeout_s: float = Field(5.0, gt=0, le=30, description="how long an answer of the provider is waited for")
    ca_file: Path | None = Field(None, description="the only certificates to trust (PEM); none: the system's")

    @property
    def shown(self) -> str:
        """The label, whether given or not."""
        return self.label or self.id


class OidcSettings(_Provider):
    """A provider of OpenID Connect: Keycloak, ADFS, Entra ID, Casdoor, a campus's own."""

    kind: Literal["oidc"] = Field(description="OpenID Connect")
    issuer: Address = Field(description="exactly as the provider's discovery document says it")
    client_id: str = Field(min_length=1, description="as the provider has registered AquaVolt")
    client_secret: SecretStr | None = Field(None, description="or in `sign_in_secrets`")
    client_auth: Literal["client_secret_basic", "client_secret_post"] = Field(
        "client_secret_basic", description="how the secret is sent"
    )
    scopes: tuple[str, ...] = Field(("openid", "profile", "email"), description="`openid` is always among them")
    name_claim: str = Field("preferred_username", description="what a new account is called")
    link_verified_email: bool = Field(
        False, description="a verified address signs in to the account of this name; only where all addresses are yours"
    )
    sign_out: bool = Field(True, description="signing out here signs out there too, where the provider offers it")

    @property
    def secret(self) -> SecretStr | None:
        """What proves to the provider that we are we."""
        return self.client_secret


class WecomSignInSettings(_Provider):
    """WeCom (企业微信), an application of one's own."""

    kind: Literal["wecom"] = Field(description="WeCom")
    label: str = Field("企业微信", max_length=40, description="on the button")
    corp_id: str = Field(min_length=1, description="the organisation's CorpID")
    agent_id: int = Field(description="the application's AgentId")
    secret: SecretStr | None = Field(None, description="of the application; or in `sign_in_secrets`")
    name_claim: str = Field("userid", description="what a new account is called")
    with_details: bool = Field(True, description="also asks for name and departments, for rules about them")
    login_url: Address = Field("https://login.work.weixin.qq.com", description="where browsers are sent")
    in_app_url: Address = Field("https://open.weixin.qq.com", description="where WeCom's own browser is sent")
    api_url: Address = Field("https://qyapi.weixin.qq.com", description="what AquaVolt asks itself")


class DingtalkSignInSettings(_Provider):
    """DingTalk (钉钉), an application of the organisation's own."""

    kind: Literal["dingtalk"] = Field(description="DingTalk")
    label: str = Field("钉钉", max_length=40, description="on the button")
    corp_id: str = Field(min_length=1, description="the organisation's CorpId: others are not let in")
    client_id: str = Field(min_length=1, description="the application's Client ID (AppKey)")
    client_secret: SecretStr | None = Field(None, description="of the application (AppSecret); or in `sign_in_secrets`")
    name_claim: str = Field("userid", description="what a new account is called")
    login_url: Address = Field("https://login.dingtalk.com", description="where browsers are sent")
    api_url: Address = Field("https://api.dingtalk.com", description="what AquaVolt asks itself")
    old_api_url: Address = Field("https://oapi.dingtalk.com", description="the same, where only the older one answers")

    @property
    def secret(self) -> SecretStr | None:
        """What proves to the provider that we are we."""
        return self.client_secret


SignInSettings = Annotated[OidcSettings | WecomSignInSettings | DingtalkSignInSettings, Field(discriminator="kind")]


def with_secrets(ways: Any, secrets: Any) -> Any:
    """The providers of a settings file, each with its secret of `sign_in_secrets` where it has none of its own."""
    if not isinstance(ways, list | tuple) or not isinstance(secrets, dict):
        return ways
    return [_with_secret(way, secrets) if isinstance(way, dict) else way for way in ways]


def _with_secret(way: dict[str, Any], secrets: dict[str, Any]) -> dict[str, Any]:
    key = "secret" if way.get("kind") == "wecom" else "client_secret"
    given = secrets.get(str(way.get("id")))
    return way if given is None or key in way else {**way, key: given}
