"""Settings from environment variables with the prefix FLOWBUILDER_, and the folders shipped with the package."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from flowbuilder.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


class Settings(BaseSettings):
    """Locations, limits and durations. Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix="FLOWBUILDER_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".flowbuilder", description="data of this machine")
    database_url: str = Field(default="", description="SQLAlchemy URL; default: SQLite in the home")
    database_block: str = Field(default="", description="name of a prefect-sqlalchemy block, instead of a URL")
    sites: Path = Field(default=Path("deployments/sites"), description="folder of site files")
    egress_allow: str = Field(default="", description="private hosts that steps may reach: host, host:port or CIDR")
    gsc_base_url: str = "https://searchconsole.googleapis.com"
    work_pool: str = "flowbuilder"
    review_url: str = "http://127.0.0.1:8501"
    proxy_secret: str = Field(
        default="", repr=False, description="what the review app's proxy sends as X-Flowbuilder-Proxy-Secret"
    )
    proxy_addresses: str = Field(default="", description="addresses of the review app's proxy: addresses or CIDRs")
    sign_in_hours: float = Field(default=12.0, gt=0, description="hours after which a reviewer signs in again")
    user: str = Field(default="", description="who decides in local mode; default: dev@localhost")
    lease_seconds: float = 15.0
    sweep_seconds: float = 5.0
    worker_limit: int = 32
    claim_seconds: float = 1800.0
    undo_seconds: float = Field(
        default=10.0, ge=0, le=600, description="how long a decision in the review app can be undone; 0: not at all"
    )
    least_free_mb: int = Field(
        default=64, ge=0, description="MB free where the embedded database is; with less, no step and no effect begins"
    )

    @property
    def least_free(self) -> int:
        """`least_free_mb` in bytes."""
        return self.least_free_mb * 1_000_000

    @cached_property
    def url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{self.home / 'flowbuilder.db'}"

    @property
    def egress(self) -> tuple[str, ...]:
        """The entries of `egress_allow`."""
        return tuple(part.strip() for part in self.egress_allow.split(",") if part.strip())

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The entries of `proxy_addresses`. Raises `ConfigurationError` for one that is no address and no CIDR."""
        parts = [part.strip() for part in self.proxy_addresses.split(",") if part.strip()]
        try:
            return tuple(ip_network(part, strict=False) for part in parts)
        except ValueError as problem:
            raise ConfigurationError(f"FLOWBUILDER_PROXY_ADDRESSES: {problem}") from None


def packaged_folder(name: str) -> Path:
    """The path of `migrations`, `review_app` or `deployments`, or a path below one: inside the package in an installed
    wheel, beside it in a checkout. Raises `ConfigurationError` when it is in neither."""
    installed, checkout = _PACKAGE / "_share" / name, _PACKAGE.parent / name
    for path in (installed, checkout):
        if path.exists():
            return path
    raise ConfigurationError(f"{name} is missing from this installation of flowbuilder; install it again")
