"""Connections as Prefect block types: forms in its UI, with secrets that Prefect masks and encrypts."""

from __future__ import annotations

from typing import Any, Literal

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import Field, SecretStr


class Limited(Block):
    """Limits of any kind of connection."""

    _block_type_name = "flowbuilder limits"
    _block_type_slug = "flowbuilder-limits"

    concurrency: int | None = Field(
        default=None, ge=1, title="Concurrent calls", description="Maximum; empty: no limit"
    )
    rate: str | None = Field(default=None, title="Rate", description="Such as 60/minute; empty: no limit")
    burst: int | None = Field(
        default=None, ge=1, title="Burst", description="Calls at once; empty: a tenth of the rate"
    )


class Connection(Limited):
    """A connection that a step names."""

    _block_type_name = "flowbuilder connection"
    _block_type_slug = "flowbuilder-connection"

    base_url: str | None = Field(default=None, title="Address", description="Credentials are sent there only")
    token: SecretStr | None = Field(default=None, title="Token", description="Sent as Authorization: Bearer")
    username: str | None = Field(default=None, title="User", description="For basic authentication")
    password: SecretStr | None = Field(default=None, title="Password")
    headers: SecretDict | None = Field(default=None, title="Headers", description="Further headers with credentials")
    query: SecretDict | None = Field(default=None, title="Query", description="Parameters with keys, in each URL")
    oauth2: SecretDict | None = Field(
        default=None, title="OAuth2", description="token_url, client_id, client_secret, scope, audience, send_in"
    )
    hosts: list[str] = Field(
        default_factory=list, title="Hosts", description="Further hosts that may receive the credentials"
    )


class LlmCredentials(Connection):
    """A language model's provider: its key, and its address unless it is the default."""

    _block_type_name = "flowbuilder LLM"
    _block_type_slug = "flowbuilder-llm"

    provider: str | None = Field(default=None, title="Provider", description="Such as openai; its key goes to no other")
    api_key: SecretStr | None = Field(default=None, title="API key")
    price: dict[str, float] | None = Field(
        default=None, title="Price", description="USD for a million tokens: input, output, cached_input"
    )
    body: dict[str, Any] | None = Field(default=None, title="Body", description="Added to each request")
    finish_reasons: list[str] | None = Field(
        default=None, title="Finish reasons", description="The server's own words for a complete answer; none: no word"
    )


class CmsCredentials(Connection):
    """A WordPress site: a user with an application password."""

    _block_type_name = "flowbuilder CMS"
    _block_type_slug = "flowbuilder-cms"

    url: str = Field(title="Address of the site", description="Such as https://example.com", pattern=r"^https?://")
    username: str = Field(title="User")
    password: SecretStr = Field(
        title="Application password", description="Create it in the user's profile in WordPress"
    )


class GhostCredentials(Limited):
    """A Ghost site: the Admin API key of a custom integration."""

    _block_type_name = "flowbuilder Ghost"
    _block_type_slug = "flowbuilder-ghost"

    url: str = Field(title="Address of Ghost", description="Such as https://example.com", pattern=r"^https?://")
    admin_api_key: SecretStr = Field(
        title="Admin API key", description="Of a custom integration: Ghost Admin, Settings, Integrations"
    )


class SearchConsoleCredentials(Limited):
    """Google Search Console: a service account, or a person's consent as a refresh token."""

    _block_type_name = "flowbuilder Search Console"
    _block_type_slug = "flowbuilder-search-console"

    auth: Literal["google", "none"] = Field(default="google", title="Credentials", description="none: no credentials")
    service_account: SecretStr | None = Field(default=None, title="Service account", description="The JSON key file")
    refresh_token: SecretStr | None = Field(default=None, title="Refresh token")
    client_id: str | None = Field(default=None, title="Client id")
    client_secret: SecretStr | None = Field(default=None, title="Client secret")


class McpServer(Limited):
    """An MCP server: an address, or a program on this machine."""

    _block_type_name = "flowbuilder MCP server"
    _block_type_slug = "flowbuilder-mcp-server"

    url: str | None = Field(default=None, title="Address", description="Of a server over HTTP")
    token: SecretStr | None = Field(default=None, title="Token", description="Sent as Authorization: Bearer")
    headers: SecretDict | None = Field(default=None, title="Headers")
    oauth2: SecretDict | None = Field(
        default=None, title="OAuth2", description="token_url, client_id, client_secret ..."
    )
    command: str | None = Field(default=None, title="Command", description="Of a server that is a program")
    args: list[str] = Field(default_factory=list, title="Arguments")
    env: SecretDict | None = Field(default=None, title="Environment")
    folder: str | None = Field(default=None, title="Folder", description="In which the program starts")
    preset: str | None = Field(default=None, title="Preset", description="context7 or tidewave")
    tools: list[str] | None = Field(default=None, title="Tools", description="The only tools that may be called")
    privileged: bool | None = Field(default=None, title="Privileged", description="Tools that run code may be called")
    connect_seconds: float | None = Field(default=None, title="Seconds to connect")
    max_bytes: int | None = Field(default=None, title="Size of an answer", description="At most, in bytes")
    failures: list[str] = Field(default_factory=list, title="Failures", description="Patterns of answers that failed")
    busy: list[str] = Field(default_factory=list, title="Busy", description="Patterns of too many requests")


KINDS: tuple[type[Block], ...] = (
    Connection,
    LlmCredentials,
    CmsCredentials,
    GhostCredentials,
    SearchConsoleCredentials,
    McpServer,
)
"""All block types, in the order in which a name is looked up."""
