"""Where a request really comes from: forwarded addresses are believed from trusted proxies only.

The chain is read from its end, the hop next to us first, and only as far as each hop is trusted; what
a client wrote itself stands further left and is never reached. From anybody else the headers are dropped,
so that nothing behind this file can be taken in by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED_HEADERS: Final = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
)
WAS_FORWARDED: Final = "wxbackend.was_forwarded"
"""In the WSGI environment: whether anybody on the way claimed to speak for another."""
HOPS_MAX: Final = 20
ADDRESSES_REMEMBERED_MAX: Final = 4096

Address = IPv4Address | IPv6Address


class ForwardedAddresses:
    """WSGI middleware that sets REMOTE_ADDR and wsgi.url_scheme."""

    def __init__(self, application: WSGIApplication, trusted: Iterable[str]) -> None:
        self._application = application
        self._trusted = tuple(ip_network(network) for network in trusted)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Correct the environment and go on."""
        claimed = {name: environ.pop(name) for name in FORWARDED_HEADERS if name in environ}
        environ[WAS_FORWARDED] = bool(claimed)
        peer = read_address(environ.get("REMOTE_ADDR", ""))
        if peer is not None and self._trusts(peer):
            client = self._client(peer, claimed.get("HTTP_X_FORWARDED_FOR", ""))
            environ["REMOTE_ADDR"] = str(client)
            scheme = claimed.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return self._application(environ, start_response)

    def _client(self, peer: Address, chain: str) -> Address:
        """The first hop from our side that is not trusted, or the furthest one that is named."""
        client = peer
        for hop in reversed(chain.split(",")[-HOPS_MAX:]):
            if not self._trusts(client):
                break
            named = read_address(hop)
            if named is None:
                break
            client = named
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=ADDRESSES_REMEMBERED_MAX)
def read_address(text: str) -> Address | None:
    """An address as proxies write it, with or without a port; IPv4 inside IPv6 counts as IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
