"""Which IP addresses are somebody's on the public Internet: only to those may a merchant's address lead us.

The list is the other way round for IPv6: global unicast alone is public (RFC 4291), which leaves out loopback,
link-local, unique local, IPv4-mapped, NAT64 and multicast addresses by itself.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

# IANA's special-purpose registries; what is not globally reachable, and what leads to another address.
NOT_PUBLIC_V4: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  # a cloud's own service behind a public-looking address
)  # fmt: skip
PUBLIC_V6: Final = "2000::/3"
NOT_PUBLIC_V6: Final = (
    "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
    "2001:db8::/32",
    "2002::/16",  # 6to4 carries an IPv4 address
    "3fff::/20",
)
_NOT_V4: Final = tuple(IPv4Network(network) for network in NOT_PUBLIC_V4)
_V6: Final = IPv6Network(PUBLIC_V6)
_NOT_V6: Final = tuple(IPv6Network(network) for network in NOT_PUBLIC_V6)


def is_public(address: str) -> bool:
    """Whether an IP address is public; anything that is not plainly an address (a zone, a short form) is not."""
    try:
        if ":" not in address:
            four = IPv4Address(address)
            return not any(four in network for network in _NOT_V4)
        six = IPv6Address(address)
    except AddressValueError:
        return False
    return six.scope_id is None and six in _V6 and not any(six in network for network in _NOT_V6)
