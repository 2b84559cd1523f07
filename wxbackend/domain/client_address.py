"""The buyer's own address, where an order has to name it: an address of this machine or of nobody never is one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from wxbackend.domain.errors import InvalidRequest
from wxbackend.domain.public_address import is_public


def buyers_address(text: str, *, param: str, allow_private: bool) -> str:
    """The address as it is ordered with; `InvalidRequest` says what is wrong with it.

    Loopback is always refused, as WeChat does; private addresses are let pass on a developer's network only.
    """
    try:
        address = _unmapped(ip_address(text))
    except ValueError:
        raise _refused("is not an IP address; send the buyer's own, such as 36.110.147.2", param) from None
    if is_public(str(address)):
        return str(address)
    nobodys = address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast
    if nobodys or not allow_private:
        raise _refused(
            "is not the buyer's own: WeChat takes the address that the buyer has on the Internet, not one of this "
            "machine or of a private network. Behind a proxy, read it from what the proxy forwards",
            param,
        )
    return str(address)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """IPv4 in IPv6's clothes, as servers that listen on both see it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _refused(why: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"client_ip {why}.", code="parameter_invalid", param=param)
