"""A list of structures, from JSON or from a form's `a[0][b]`."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from wxbackend.api.field_types import Part, Strict


class PartList(fields.List[Any]):
    """So many structures at the most, and at least one."""

    default_error_messages = Part.default_error_messages

    def __init__(self, schema: Strict, *, most: int, **kwargs: Any) -> None:
        super().__init__(Part(schema), **kwargs)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, dict):
            if not all(name.isdecimal() for name in value):
                raise ValidationError("parameter_invalid|This must be a list.")
            value = list(value.values())
        if not isinstance(value, list):
            raise ValidationError("parameter_invalid|This must be a list.")
        if not 1 <= len(value) <= self.most:
            raise ValidationError(f"parameter_invalid|This must have 1 to {self.most} entries; it has {len(value)}.")
        return super()._deserialize(value, attr, data, **kwargs)
