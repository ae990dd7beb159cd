"""Settings: where a value comes from, what is refused by name, and what is never shown."""

import os
from pathlib import Path

import pytest

from concordat.builders import owners_url
from concordat.failures import USAGE, Failure
from concordat.places import configs_folder
from concordat.settings import PREFIX, Settings, load, without_password

REAL = {"NETWORK": "clubs.test", "ISSUER": "clubs.test", "AUDIENCE": "clubs.test"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def setting(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)


def profile(folder: Path, name: str, text: str) -> str:
    file = folder / f"{name}.toml"
    file.write_text('network = "n"\nissuer = "i"\naudience = "a"\n' + text)
    return str(file)


def refusal(**given: object) -> Failure:
    with pytest.raises(Failure) as refused:
        load(**given)
    assert refused.value.status == USAGE
    return refused.value


def test_every_profile_that_comes_along_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, **REAL)
    names = sorted(file.stem for file in (configs_folder() / "profiles").glob("*.toml"))
    assert names == ["local", "production"]
    assert [load(profile=name).profile for name in names] == names


def test_local_profile_needs_nothing_and_anchors_often() -> None:
    settings = load()
    assert settings.local
    assert settings.anchor_seconds == 2
    assert settings.network == "local.concordat.example"
    assert settings.database == f"sqlite:///{settings.data_folder}/concordat.db"


def test_production_profile_shows_nothing_to_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, **REAL)
    settings = load(profile="production")
    assert (settings.docs, settings.reflection, settings.token_minutes) == (False, False, 15)


def test_option_goes_before_environment_before_profile_before_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = profile(tmp_path, "mine", "http_port = 1\ngrpc_port = 1\nadmin_port = 1\n")
    setting(monkeypatch, GRPC_PORT="2", ADMIN_PORT="2")
    settings = load(profile=name, admin_port=3)
    assert (settings.http_port, settings.grpc_port, settings.admin_port) == (1, 2, 3)
    assert settings.pool_size == 20


def test_profile_may_be_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, PROFILE="production", **REAL)
    assert load().profile == "production"
    assert load(profile="local").profile == "local"


def test_option_that_was_not_given_changes_nothing() -> None:
    assert load(http_port=None).http_port == 8000


def test_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, HTTP_PORT="")
    assert load().http_port == 8000


def test_list_is_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, CORS_ORIGINS="https://a.test, https://b.test", ALLOWED_HOSTS="")
    settings = load()
    assert settings.cors_origins == ("https://a.test", "https://b.test")
    assert settings.allowed_hosts == ()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CONCORDAT_HTP_PORT", "CONCORDAT_HTTP_PORT"),
        ("CONCORDAT_DATABASE", "CONCORDAT_DATABASE_URL"),
        ("concordat_htp_port", "CONCORDAT_HTTP_PORT"),
    ],
)
def test_unknown_variable_is_named_with_the_nearest_known_one(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    refused = refusal()
    assert variable in refused.sentence
    assert meant in refused.advice


def test_variables_of_tests_and_secrets_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, TEST_POSTGRES="x", SECRET_TOKEN_ACCESS="x")
    load()


def test_unknown_key_of_a_profile_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    refused = refusal(profile=profile(tmp_path, "mine", "anchor_second = 1\n"))
    assert "anchor_second " in refused.sentence
    assert "anchor_seconds" in refused.advice


def test_profile_that_does_not_exist_is_refused_with_those_that_do() -> None:
    refused = refusal(profile="prodution")
    assert "prodution" in refused.sentence
    assert "local, production" in refused.advice


def test_profile_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    assert "not TOML" in refusal(profile=profile(tmp_path, "mine", "docs = yes\n")).sentence


def test_setting_without_a_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = refusal(profile="production")
    assert "network" in refused.sentence
    assert "CONCORDAT_NETWORK" in refused.advice


@pytest.mark.parametrize("name", ["host", "admin_host"])
def test_no_address_is_not_every_address(name: str) -> None:
    """An option that a script left empty: the operating system would listen everywhere."""
    assert name in refusal(**{name: ""}).sentence


def test_refusal_of_a_value_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, HTTP_PORT="hunter2")
    refused = refusal()
    assert "http_port" in refused.sentence
    assert "hunter2" not in str(refused)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("?sslmod=require", "sslmod;"),
        ("?sslmode=require&channel_binding=require", "channel_binding"),
        ("?sslmode=strict", "verify-full"),
        ("?sslmode=verify-full", "sslrootcert"),
        ("?sslmode=verify-full&sslrootcert=/nowhere/hunter2.crt", "sslrootcert"),
        ("?sslmode=verify-full&sslrootcert=system", "sslrootcert"),
        ("?sslmode=require&sslkey=/nowhere/hunter2.key", "sslkey"),
    ],
)
@pytest.mark.parametrize("setting_name", ["database_url", "database_owner_url"])
def test_parameter_of_a_database_that_cannot_work_is_refused_by_its_name(
    parameters: str, named: str, setting_name: str
) -> None:
    refused = refusal(**{setting_name: f"postgresql://ann:hunter2@db.test/clubs{parameters}"})
    assert setting_name in refused.sentence
    assert named in refused.sentence
    assert "hunter2" not in str(refused)


@pytest.mark.parametrize("password", ["hun?ter=2", "hun/ter2", "hun#ter2"])
def test_sign_that_ends_a_part_of_a_url_is_to_be_escaped_in_a_password(password: str) -> None:
    refused = refusal(database_url=f"postgresql://ann:{password}@db.test/clubs")
    assert "%2F" in refused.sentence
    assert "ter" not in refused.sentence.partition("signs")[2]


def test_parameters_of_tls_are_taken_and_those_of_sqlite_are_its_own(tmp_path: Path) -> None:
    file = tmp_path / "root.crt"
    file.touch()
    url = f"postgresql://ann@db.test/clubs?sslmode=verify-full&sslrootcert={file}"
    assert load(database_url=url).database == url
    assert load(database_url="sqlite:///x.db?timeout=1").database == "sqlite:///x.db?timeout=1"


def test_owner_s_url_alone_is_for_migrating_and_names_no_database_to_serve() -> None:
    settings = load(database_owner_url="postgresql://owner@db.test/clubs")
    assert owners_url(settings) == settings.database_owner_url
    with pytest.raises(Failure, match="CONCORDAT_DATABASE_URL is not") as refused:
        assert settings.database
    assert "concordat migrate prints" in refused.value.advice


@pytest.mark.parametrize(
    "urls",
    [
        {"database_owner_url": "sqlite:///x.db"},
        {"database_owner_url": "postgresql://owner@db.test/clubs", "database_url": "sqlite:///x.db"},
    ],
)
def test_owner_of_anything_but_the_postgres_that_is_served_is_refused(urls: dict[str, str]) -> None:
    assert "database_owner_url" in refusal(**urls).sentence


def test_whoever_may_change_the_schema_is_the_owner_or_whoever_has_the_file() -> None:
    assert owners_url(load(database_url="sqlite:///x.db")) == "sqlite:///x.db"
    assert owners_url(load(database_url="postgresql://ann@db.test/clubs")) == ""


@pytest.mark.parametrize("values", [{"TOKEN_MINUTES": "16"}, {"HTTP_PORT": "0"}, {"GRPC_PORT": "0"}])
def test_what_is_for_trying_out_is_for_the_local_profile_only(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(monkeypatch, **REAL, **values)
    load(profile="local")
    assert next(iter(values)).lower() in refusal(profile="production").sentence


def test_profile_in_a_file_goes_by_the_name_of_the_file(tmp_path: Path) -> None:
    assert load(profile=profile(tmp_path, "staging", "")).profile == "staging"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:hunter2@db.test/clubs", "postgresql://ann:***@db.test/clubs"),
        ("postgresql://ann:hun/t@er2@db.test/clubs", "postgresql://ann:***@db.test/clubs"),
        ("redis://:hunter2@cache.test", "redis://:***@cache.test"),
        (
            "postgresql://ann@db.test/clubs?sslpassword=hunter2&x=1",
            "postgresql://ann@db.test/clubs?sslpassword=***&x=1",
        ),
        ("sqlite:////var/lib/concordat.db", "sqlite:////var/lib/concordat.db"),
        ("files:/etc/secrets", "files:/etc/secrets"),
    ],
)
def test_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_no_password_stands_in_what_is_shown_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://ann:hunter2@db.test/clubs"
    setting(monkeypatch, DATABASE_URL=url, DATABASE_OWNER_URL=url)
    settings = load()
    assert settings.database == url
    assert set(settings.redacted()) == set(Settings.model_fields)
    assert "hunter2" not in f"{settings!r}{settings}{settings.redacted()}"
    assert settings.redacted()["database_url"] == "postgresql://ann:***@db.test/clubs"


@pytest.mark.parametrize("url", ["postgresql://ann:pa/55@db.test/clubs", "postgresql://ann:pa55@db.test:port/clubs"])
def test_database_url_that_cannot_be_taken_apart_is_named_and_not_shown(url: str) -> None:
    refused = refusal(database_url=url)
    assert "database_url" in refused.sentence and "percent-encode" in refused.sentence
    assert "55" not in str(refused)
