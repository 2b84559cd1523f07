"""The one way in which WeChat Pay says no: an HTTP status, a code, a message and the internal cause number."""

from __future__ import annotations

from collections.abc import Mapping

# The number after the last "-" of Request-ID (reference: WeChat Pay troubleshooting, Request-Id causes).
CAUSE_NONE = 0
CAUSE_PARAMETER = 268435461
CAUSE_RATE = 268447840
CAUSE_EXTRA_PARAMETER = 270924358
CAUSE_ORDER_NOT_FOUND = 268512771
CAUSE_ORDER_PAID = 268449538
CAUSE_ALREADY_PAID = 268498689
CAUSE_ORDER_INVALID = 268447914
CAUSE_CHANGED_REPEAT = 268498688
CAUSE_MERCHANT_ORDER_MISMATCH = 268447843
CAUSE_SUB_MERCHANT_ORDER_MISMATCH = 268447845
CAUSE_SUB_MERCHANT_IS_OWN = 268443705
CAUSE_SUB_MERCHANT_MISSING = 268443704
CAUSE_NO_RELATION = 268443701
CAUSE_SIGNATURE = 268443699
CAUSE_OPENID_MISSING = 268501013
CAUSE_APPID_MISMATCH = 268445527
CAUSE_ONLY_REVERSIBLE = 268449641
CAUSE_OUT_OF_RANGE = 268435464
CAUSE_SYSTEM = 268435457


class Refusal(Exception):
    """An answer other than success, in the shape of the published error table."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        cause: int,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.cause = cause
        self.detail = detail

    def body(self) -> dict[str, object]:
        """The JSON object that is sent."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.detail is not None:
            body["detail"] = dict(self.detail)
        return body


def bad_parameter(field: str, issue: str, *, cause: int = CAUSE_PARAMETER, value: object = None) -> Refusal:
    """400 PARAM_ERROR that names the field by its JSON pointer."""
    detail: dict[str, object] = {"field": field, "issue": issue, "location": "body"}
    if value is not None:
        detail["value"] = value
    return Refusal(400, "PARAM_ERROR", f"参数错误: {field} {issue}", cause=cause, detail=detail)
