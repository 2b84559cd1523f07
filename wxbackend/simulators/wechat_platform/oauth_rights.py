"""What each official account may do on the authorize page: its registered domain and its scopes."""

from __future__ import annotations

import threading

from wxbackend.simulators.wechat_platform.logins import SCOPES


class OauthRights:
    """Domains and scopes by appid. No domain registered means any loopback host, which real WeChat never allows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._domains: dict[str, str] = {}
        self._scopes: dict[str, frozenset[str]] = {}

    def domain(self, appid: str) -> str | None:
        """The registered callback domain, or None for any loopback host."""
        with self._lock:
            return self._domains.get(appid)

    def scopes(self, appid: str) -> frozenset[str]:
        """The scopes this account may ask for; all by default."""
        with self._lock:
            return self._scopes.get(appid, frozenset(SCOPES))

    def set_domain(self, appid: str, domain: str | None) -> None:
        """Register a domain (host alone, no scheme), or none."""
        with self._lock:
            if domain is None:
                self._domains.pop(appid, None)
            else:
                self._domains[appid] = domain

    def set_scopes(self, appid: str, scopes: frozenset[str]) -> None:
        """Grant exactly these scopes. Raises ValueError for one that does not exist."""
        if not scopes <= frozenset(SCOPES):
            raise ValueError(f"scopes must be among {', '.join(SCOPES)}")
        with self._lock:
            self._scopes[appid] = scopes
