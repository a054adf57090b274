"""Databases by name: their addresses are found, and never shown."""

from pathlib import Path

import pytest

from batch_pipelines.core.connections import Connections, check_connection_name, hidden, load_connections
from batch_pipelines.core.databases import opened
from batch_pipelines.core.errors import ConfigError

HOME = Path("/srv/project")


def connections(**urls: str) -> Connections:
    return load_connections({f"BP_CONNECTION_{name}": url for name, url in urls.items()}, HOME)


@pytest.mark.parametrize("given", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg2://u:p@h/d"])
def test_postgresql_is_reached_through_psycopg2(given: str) -> None:
    assert connections(SHOP=given).url("shop") == "postgresql+psycopg2://u:p@h/d"


def test_a_relative_sqlite_file_lies_in_the_project() -> None:
    found = connections(A="sqlite:///data/shop.db", B="sqlite:////var/shop.db")

    assert found.url("a") == "sqlite:////srv/project/data/shop.db"
    assert found.url("b") == "sqlite:////var/shop.db"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="set the environment variable BP_CONNECTION_SHOP"):
        connections(OTHER="sqlite:///x.db", SHOP="").url("shop")
    assert connections(OTHER="sqlite:///x.db").missing(["shop", "other", "shop"]) == ["shop"]


def test_addresses_do_not_show_when_settings_are_printed() -> None:
    assert "hidden" not in repr(connections(SHOP="postgresql://u:hidden@h/d"))


@pytest.mark.parametrize("value", ["Shop", "my shop", "", "1st", "postgresql://u:hidden@h/d"])
def test_what_is_no_name_is_refused_without_repeating_a_password(value: str) -> None:
    with pytest.raises(ValueError, match=r"write a name|put the address into the variable") as raised:
        check_connection_name(value)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://u:s3cr%40t@h/d", "login s3cr@t\nfailed, s3cr%40t"),
        ("postgresql://h/d?password=s3cr%40t", "s3cr@t"),
        ("postgresql://[h:s3cr@t", "cannot parse postgresql://[h:s3cr@t"),
    ],
)
def test_what_a_database_says_is_one_line_without_the_password(url: str, text: str) -> None:
    said = hidden(text, url)

    assert "s3cr" not in said
    assert "***" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hidden@h/d", "is mysql; PostgreSQL and SQLite are known"),
        ("no address, hidden", "BP_CONNECTION_SHOP is not a database address"),
        ("sqlite://", "names no file"),
        ("sqlite:////no/such/hidden.db", "there is no such file"),
    ],
)
def test_an_address_that_cannot_be_opened_is_refused_in_a_clear_line(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised, opened(connections(SHOP=url), "shop"):
        pass
    assert "u:hidden" not in str(raised.value)
