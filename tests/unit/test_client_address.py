"""The buyer's own address: public ones as they are, private ones only where a developer lets them, ours never."""

from __future__ import annotations

import pytest

from wxbackend.domain.client_address import buyers_address
from wxbackend.domain.errors import InvalidRequest

PRIVATE = ("10.1.2.3", "172.31.5.62", "192.168.124.133", "100.64.0.1", "203.0.113.7", "fd00::1", "2001:db8::1")
NEVER = (
    "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.0.1", "fe80::1", "224.0.0.1",
    "ff02::1", "",
    " 36.110.147.2", "36.110.147.2 ", "0x24.1.1.1", "605426434", "36.110.147.2/32", "localhost", "x" * 45,
)  # fmt: skip


@pytest.mark.parametrize("text", ["36.110.147.2", "2408:8000::1"])
@pytest.mark.parametrize("allow_private", [True, False])
def test_a_public_address_is_taken_as_it_is(text: str, *, allow_private: bool) -> None:
    assert buyers_address(text, param="p", allow_private=allow_private) == text


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_address_is_a_developers(text: str) -> None:
    assert buyers_address(text, param="p", allow_private=True) == text
    with pytest.raises(InvalidRequest, match="client_ip is not the buyer's own") as caught:
        buyers_address(text, param="the place", allow_private=False)
    assert caught.value.param == "the place"


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("allow_private", [True, False])
def test_an_address_of_this_machine_or_of_nobody_is_never_taken(text: str, *, allow_private: bool) -> None:
    with pytest.raises(InvalidRequest, match="client_ip") as caught:
        buyers_address(text, param="the place", allow_private=allow_private)
    assert (caught.value.code, caught.value.param) == ("parameter_invalid", "the place")


def test_ipv4_in_ipv6_is_the_ipv4_address() -> None:
    assert buyers_address("::ffff:36.110.147.2", param="p", allow_private=False) == "36.110.147.2"
