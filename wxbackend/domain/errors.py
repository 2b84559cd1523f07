"""Every error of the product, as one tree; a message names the object and the fix, never a key, a body or an openid.

* Rejected                 the caller is told, nothing has changed
  * InvalidRequest         a field is missing, unknown or wrong
  * NotFound               no such object for this key
  * Conflict               the object's state does not allow it
  * IdempotencyMismatch    the key was used with other parameters
  * IdempotencyInFlight    the same request is being worked on right now
  * Unauthenticated        no key, or not one of ours
  * Forbidden              a key of ours that may not do this
* ProviderError            a call to a provider gave no usable answer
  * ProviderUnreached      it never left: may be repeated
  * ProviderUnknown        it may have arrived: query, or repeat with the same number
* Unavailable              something of ours that this needs is away for now
  * CoordinationAway       the place for short-lived shared things: log-ins wait for it, money does not
  * DatabaseAway           the database: what was being written may be there or not
* Untrusted                a message that claims to come from a provider and is not proven
  * BadSignature
  * StaleMessage
  * UnreadableMessage      signed, yet not what the protocol says
* UnreadableBill           a bill came that cannot be believed: nothing of it is used
* NotConfigured            the settings no longer name what this needs
* ContractUnknown          the provider does not know the contract that it shall end: somebody has to look
* IllegalTransition        the state machine has no such row: a defect of ours
"""

from __future__ import annotations


class WxbackendError(Exception):
    """Root of the tree."""


class Rejected(WxbackendError):
    """The request is refused and nothing has changed."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


class InvalidRequest(Rejected):
    """A parameter is missing, unknown or wrong; `param` names it in bracket notation."""


class NotFound(Rejected):
    """There is no such object, or it belongs to another account or mode."""


class Conflict(Rejected):
    """The object exists, but its state does not allow what was asked."""


class IdempotencyMismatch(Rejected):
    """The idempotency key belongs to a request with other parameters."""


class IdempotencyInFlight(Rejected):
    """The first request with this idempotency key has not been answered yet."""


class Unauthenticated(Rejected):
    """No key was sent, or it is not one of ours."""


class Forbidden(Rejected):
    """The key is ours, but may not do this."""


class ProviderError(WxbackendError):
    """A call to a provider gave no usable answer."""


class ProviderUnreached(ProviderError):
    """The request never left this machine: nothing happened there, it may be repeated."""


class ProviderUnknown(ProviderError):
    """The request may have arrived: only a query, or a repeat with the same number, may follow."""


class UnreadableBill(WxbackendError):
    """A bill that is torn, changed on its way, or not in the provider's own format; nothing of it is used."""


class Unavailable(WxbackendError):
    """Something that this needs is away for now: it may be tried again soon. `reason` is for the operator."""

    def __init__(self, message: str, *, code: str | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason or code


class CoordinationAway(Unavailable):
    """What processes share for a short time cannot be read or written."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Log-in and JS-SDK pages do not work for the moment; payments do. Try again soon.",
            code="coordination_unavailable",
            reason=reason,
        )


class DatabaseAway(Unavailable):
    """The database cannot be reached, or has no connection free.

    It may have gone away with a COMMIT that got no answer, or between two units of one request. So nobody who is told
    this may take it for a no.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The database gave no answer, so it is not known whether this was done. "
            "Send the same request again, with the same Idempotency-Key if it had one.",
            code="database_unavailable",
            reason=reason,
        )


class Untrusted(WxbackendError):
    """A message that claims to come from a provider is not proven to."""


class BadSignature(Untrusted):
    """The signature is absent, does not verify, or names a key we do not have."""


class StaleMessage(Untrusted):
    """The signature is right, but its time is too far from ours."""


class UnreadableMessage(Untrusted):
    """The signature is right, but the content is not what the protocol says."""


class NotConfigured(WxbackendError):
    """The settings no longer name what an unfinished thing needs, such as its merchant number."""


class ContractUnknown(WxbackendError):
    """The provider does not know the contract that it shall end: somebody has to look whether it has another number."""


class IllegalTransition(WxbackendError):
    """The state machine has no row for this pair: a defect, not an input."""
