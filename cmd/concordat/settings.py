"""Every setting of the product: its name, its default, what it may be.

Read once, in this order: options, environment, profile, default. Passwords stand in URLs alone; `redacted` shows
everything but them.
"""

import os
import re
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import TomlConfigSettingsSource as ProfileSource

from adapters.outbound.sql.postgres_url import complaint, is_postgres
from concordat.failures import USAGE, Failure
from concordat.places import profile_file
from core.log.notes import is_name
from core.log.policy import NONE as NO_WITNESS

PREFIX = "CONCORDAT_"
IGNORED = ("CONCORDAT_TEST_", "CONCORDAT_SECRET_")
LOCAL = "local"
USUAL_TOKEN_MINUTES = 15

Words = Annotated[tuple[str, ...], NoDecode]
Port = Annotated[int, Field(ge=0, le=65535)]
Host = Annotated[str, Field(min_length=1)]
URL = Annotated[str, Field(repr=False)]
Rate = Annotated[int, Field(ge=0, le=10_000_000)]
Seconds = Annotated[float, Field(gt=0, le=86400)]


class Settings(BaseSettings):
    """A port of 0, or one that is taken, becomes a free one in the local profile only."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    profile: str = LOCAL
    network: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=120)
    data_folder: Path = Field(default_factory=lambda: user_data_path("concordat", appauthor=False))

    database_url: URL = ""
    database_owner_url: URL = ""
    bus_url: URL = "inprocess:"
    ledger_url: URL = "local:"
    secrets_url: URL = "files:"
    publication_url: URL = "files:"
    pool_size: int = Field(default=20, ge=2, le=500)
    acquire_timeout_seconds: Seconds = 1
    statement_timeout_seconds: Seconds = 10
    lock_timeout_seconds: Seconds = 3

    host: Host = "127.0.0.1"
    http_port: Port = 8000
    grpc_port: Port = 50051
    admin_host: Host = "127.0.0.1"
    admin_port: Port = 8001
    grpc_tls_key: Path | None = None
    grpc_tls_chain: Path | None = None
    grpc_tls_client_roots: Path | None = None
    docs: bool = False
    reflection: bool = False
    cors_origins: Words = ()
    trusted_proxies: Words = ()
    allowed_hosts: Words = ()
    requests_per_minute: Rate = 6_000
    refusals_per_minute: Rate = 300
    anonymous_per_minute: Rate = 3_000

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    token_minutes: int = Field(default=USUAL_TOKEN_MINUTES, ge=1, le=7 * 24 * 60)

    integrate_milliseconds: int = Field(default=200, ge=10, le=60_000)
    relay_milliseconds: int = Field(default=200, ge=10, le=60_000)
    sign_seconds: Seconds = 1
    anchor_seconds: Seconds = 10
    conclude_seconds: Seconds = 60
    purge_seconds: Seconds = 60

    witness_name: str = ""
    witness_logs: Path | None = None
    witness_policy: Path | None = None

    fabric_bin: Path | None = None

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        profile = str({**env_settings(), **init_settings()}.get("profile", LOCAL))
        return init_settings, env_settings, ProfileSource(settings_cls, profile_file(profile))

    @field_validator("cors_origins", "trusted_proxies", "allowed_hosts", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        """In the environment a list is written with commas."""
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _parameters_are_known(cls, value: str) -> str:
        if said := complaint(value):
            raise ValueError(said)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", each) is None:
                raise ValueError(f"{each} is no origin like https://desk.example")
        return value

    @field_validator("witness_name")
    @classmethod
    def _witness_is_a_name(cls, value: str) -> str:
        """As signed notes have it in a key's name, and policies in a witness's."""
        if value and (not is_name(value) or value == NO_WITNESS):
            raise ValueError(f"{value!r} has a space, a plus sign or too many letters, or is the word {NO_WITNESS}")
        return value

    @field_validator("data_folder")
    @classmethod
    def _whole_path(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="before")
    @classmethod
    def _profile_name(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A profile that is named by its file goes by the file's name."""
        return {**values, "profile": Path(str(values.get("profile", LOCAL))).stem}

    @model_validator(mode="after")
    def _tls_is_whole(self) -> "Settings":
        """Mutual TLS needs all three files; some of them would be no TLS at all."""
        given = [self.grpc_tls_key, self.grpc_tls_chain, self.grpc_tls_client_roots]
        if any(given) and not all(given):
            raise ValueError("grpc_tls_key, grpc_tls_chain and grpc_tls_client_roots go together")
        return self

    @model_validator(mode="after")
    def _one_database(self) -> "Settings":
        """An owner's URL says that a Postgres is meant; SQLite has no owner, and nobody may be left to guess."""
        owner, served = self.database_owner_url, self.database_url
        if owner and not is_postgres(owner):
            raise ValueError("database_owner_url is for a Postgres, since nothing else has an owner")
        if owner and served and not is_postgres(served):
            raise ValueError("database_owner_url is for a Postgres, and database_url names something else")
        return self

    @model_validator(mode="after")
    def _only_local(self) -> "Settings":
        if not self.local:
            if self.token_minutes > USUAL_TOKEN_MINUTES:
                raise ValueError(f"token_minutes is at most {USUAL_TOKEN_MINUTES} outside the local profile")
            zero = [name for name in ("http_port", "grpc_port", "admin_port") if getattr(self, name) == 0]
            if zero:
                raise ValueError(f"{', '.join(zero)}: 0 (any free port) is for the local profile only")
        return self

    @property
    def local(self) -> bool:
        return self.profile == LOCAL

    @property
    def database(self) -> str:
        """The database's URL; a file in the data folder unless one is named. Raises Failure for the owner's alone."""
        if self.database_owner_url and not self.database_url:
            raise Failure(
                "CONCORDAT_DATABASE_OWNER_URL is set and CONCORDAT_DATABASE_URL is not: it is for migrating alone.",
                "Set CONCORDAT_DATABASE_URL to the URL that concordat migrate prints.",
                status=USAGE,
            )
        return self.database_url or f"sqlite:///{self.data_folder / 'concordat.db'}"

    def redacted(self) -> dict[str, str]:
        """Every setting as text without a password: for logs, `doctor` and error reports."""
        values = {name: getattr(self, name) for name in type(self).model_fields} | {"database_url": self.database}
        return {name: without_password(str(_text(value))) for name, value in values.items()}


def load(**given: Any) -> Settings:
    """The settings with these options over everything else; raises Failure that names each key that is wrong."""
    chosen = {name: value for name, value in given.items() if value is not None}
    _refuse_unknown_variables()
    try:
        return Settings(**chosen)
    except ValidationError as error:
        raise Failure(*_told(error), status=USAGE) from None
    except TOMLDecodeError as error:
        raise Failure(f"The profile is not TOML: {error}.", "Mend the file.", status=USAGE) from None


def without_password(text: str) -> str:
    """The same URL with stars for what is secret in it."""
    text = re.sub(r"(://[^:/?#@]*):.*@", r"\1:***@", text)
    return re.sub(r"(?i)\b(\w*(?:password|passphrase|secret|token))=[^&]*", r"\1=***", text)


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = [name for name in sorted(os.environ) if name.upper().startswith(PREFIX)]
    for name in ours:
        if name.upper() not in known and not name.upper().startswith(IGNORED):
            raise Failure(f"There is no setting {name}.", _nearest(name.upper(), sorted(known)), status=USAGE)


def _told(error: ValidationError) -> tuple[str, str]:
    """What the first mistake is, without the value: it may be a secret."""
    mistake = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in mistake["loc"][:1])
    variable = PREFIX + name.upper()
    if mistake["type"] == "extra_forbidden":
        return f"There is no setting {name} (in the profile).", _nearest(name, sorted(Settings.model_fields))
    if mistake["type"] == "missing":
        return f"The setting {name} has no value.", f"Set {variable}, or {name} in the profile."
    said = mistake["msg"].removeprefix("Value error, ").rstrip(".")
    if not name:
        return f"The settings do not go together: {said}.", "Change one of them."
    return f"The setting {name} is not right: {said}.", f"Change {variable}, or {name} in the profile."


def _nearest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0)
    return f"Did you mean {close[0]}?"


def _text(value: object) -> object:
    return ",".join(value) if isinstance(value, tuple) else "" if value is None else value
