"""Addresses as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.delivery.addresses import UNSAFE, Address, read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@example.com", Address("ann", "example.com")),
        (" ann@EXAMPLE.com ", Address("ann", "example.com")),
        ("Ann Lee <Ann@example.com>", Address("Ann", "example.com", "Ann Lee")),
        ('"Lee, Ann" <ann@example.com>', Address("ann", "example.com", "Lee, Ann")),
        ('"A \\"B\\" C" <a@example.com>', Address("a", "example.com", 'A "B" C')),
        ("Zoë <zoe@exämple.org>", Address("zoe", "xn--exmple-cua.org", "Zoë")),
        ("zoë@exämple.org", Address("zoë", "xn--exmple-cua.org")),
        ("<ann@example.com>", Address("ann", "example.com")),
        ("a+b@sub.example.com", Address("a+b", "sub.example.com")),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@@example.com",
        "ann@example",
        "ann@localhost",
        "ann@exa mple.com",
        "ann@example.com, bob@example.com",
        "ann@example.com>",
        "Ann <ann@example.com> <bob@example.com>",
        "ann@example.com\r\nBcc: bob@example.com",
        "Ann\r\nBcc: b <ann@example.com>",
        "ann\0@example.com",
        "ann@example.com\u2028",
        "\ud800@example.com",
        "ann@-example.com",
        "." * 300 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no address|control character"):
        read_address(text)


@given(st.text(max_size=60).map(lambda text: f"{text} <ann@example.com>"))
def test_a_name_never_brings_a_control_character_along(text: str) -> None:
    try:
        address = read_address(text)
    except ValueError:
        return
    assert not UNSAFE.search(address.name)
    assert address.spec == "ann@example.com"
