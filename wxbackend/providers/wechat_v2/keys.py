"""Which of two keys counts at WeChat, while a merchant changes it: known only by what WeChat says."""

from __future__ import annotations

from typing import Final

from wxbackend.domain.errors import ProviderUnknown
from wxbackend.providers.wechat_v2.config import MerchantConfig

SIGNATURE: Final = "签名"
"""In an unsigned refusal: nobody looked at what was asked (reference: WeChat Pay API v2, SIGNERROR)."""


class KeyInUse:
    """The key that we sign with: the old one until WeChat refuses it, then the other.

    What was refused for its signature was not done. It may be asked again under the other key, so while there is
    one its result is unknown; when WeChat takes neither, the refusal is what it says.
    """

    def __init__(self, config: MerchantConfig) -> None:
        self._keys = config.keys
        self._refused: frozenset[str] = frozenset()
        self.present = config.previous_key or config.key

    def took(self, key: str) -> None:
        """WeChat's own answer is proven by that key."""
        if key != self.present or self._refused:
            self.present, self._refused = key, frozenset()

    def told(self, key: str, why: str) -> None:
        """A request under that key was refused unsigned; raises `ProviderUnknown` where the other may do."""
        if len(self._keys) < 2 or SIGNATURE not in why:
            return
        refused = self._refused | {key}
        left = [other for other in self._keys if other not in refused]
        if not left:
            self._refused = frozenset()
            return
        self._refused, self.present = refused, left[0]
        raise ProviderUnknown("WeChat did not take the signature; the other APIv2 key signs from now on")
