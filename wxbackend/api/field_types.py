"""Field types of the API: each says what it accepts, and refuses the rest with a code and a fix.

A refusal is written `code|message`; `reading` takes the two apart again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields

from wxbackend.domain.intent import METADATA_NAMES_MAX

INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
URL_CHARACTERS_MAX: Final = 2_048
METADATA_KEY_CHARACTERS_MAX: Final = 40
METADATA_VALUE_CHARACTERS_MAX: Final = 500

_MISSING: Final[dict[str, Any]] = {"required": "parameter_missing|This parameter is needed."}
_NULL: Final[dict[str, Any]] = {"null": "parameter_invalid_empty|This parameter can't be null."}


class Strict(Schema):
    """A structure without unknown names."""

    error_messages = {  # noqa: RUF012 - marshmallow reads a class attribute
        "unknown": "parameter_unknown|There is no such parameter here.",
        "type": "parameter_invalid|This must be a structure with named parts.",
    }

    class Meta:
        """marshmallow's place for it."""

        unknown = RAISE


class Picture(Schema):
    """What an answer looks like, for the OpenAPI document; answers may gain names, so readers must not refuse them."""

    class Meta:
        """marshmallow's place for it."""

        unknown = EXCLUDE


class Whole(fields.Field[int]):
    """An integer, as JSON number or as digits; never a float, never a boolean."""

    default_error_messages = _MISSING | _NULL

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is int:
            return value
        if isinstance(value, str) and INTEGER.fullmatch(value):
            return int(value)
        raise ValidationError("parameter_invalid_integer|This must be a whole number, without a point.")


class Flag(fields.Field[bool]):
    """A boolean; older SDKs send it as True and False, forms as text."""

    default_error_messages = _MISSING | _NULL
    _WORDS: Final[Mapping[str, bool]] = {
        "true": True, "True": True, "1": True, "false": False, "False": False, "0": False,
    }  # fmt: skip

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in self._WORDS:
            return self._WORDS[value]
        raise ValidationError("parameter_invalid_boolean|This must be true or false.")


class OffSession(Flag):
    """A boolean, or one of the words that Stripe's SDKs know for yes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value in ("one_off", "recurring"):
            return True
        return False if value == "" else super()._deserialize(value, attr, data, **kwargs)


class Words(fields.Field[str]):
    """A text up to a number of characters. `blank` says what an empty one is: refused, unset or kept."""

    default_error_messages = _MISSING | _NULL

    def __init__(self, most: int, *, blank: str = "refused", bmp_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.blank = blank
        self.bmp_only = bmp_only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:  # type: ignore[override]
        if not isinstance(value, str):
            raise ValidationError("parameter_invalid_string|This must be a text.")
        if not value and self.blank == "refused":
            raise ValidationError("parameter_invalid_empty|This can't be empty.")
        if not value and self.blank == "unset":
            return None
        if len(value) > self.most:
            raise ValidationError(f"parameter_too_long|This has {len(value)} characters; {self.most} are the most.")
        if self.bmp_only:
            _refuse_wide(value)
        return value


def _refuse_wide(value: str) -> None:
    for place, character in enumerate(value, start=1):
        if ord(character) > 0xFFFF:
            raise ValidationError(
                f"parameter_invalid_string|WeChat Pay refuses 4-byte characters such as emoji: character {place} is "
                f"U+{ord(character):X}. Leave it out."
            )


class Url(Words):
    """An address; as in the seeds it may come without a scheme."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(URL_CHARACTERS_MAX, blank="unset", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:  # type: ignore[override]
        url = super()._deserialize(value, attr, data, **kwargs)
        if url is None:
            return None
        try:
            scheme = urlsplit(url).scheme
        except ValueError:
            scheme = "broken"
        if scheme not in ("", "http", "https") or any(ord(character) <= 32 for character in url):
            raise ValidationError("url_invalid|This must be a web address (http or https, no spaces).")
        return url


class Choice(Words):
    """One of a few words, in any case."""

    def __init__(self, choices: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(100, **kwargs)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:  # type: ignore[override]
        word = super()._deserialize(value, attr, data, **kwargs)
        if word is None:
            return None
        for choice in self.choices:
            if word.lower() == choice.lower():
                return choice
        raise ValidationError(f"parameter_invalid_enum|This must be one of: {', '.join(self.choices)}.")


class Metadata(fields.Field[dict[str, str]]):
    """Up to 50 texts by name; an empty value unsets a name, an empty text unsets all."""

    default_error_messages = _MISSING | _NULL

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, str]:
        if value == "":
            return {}
        if not isinstance(value, dict):
            raise ValidationError("parameter_invalid|metadata must be a structure of names and texts.")
        if len(value) > METADATA_NAMES_MAX:
            raise ValidationError(f"parameter_too_long|metadata has more than {METADATA_NAMES_MAX} names.")
        return {_metadata_key(name): _metadata_value(name, text) for name, text in value.items()}


def _metadata_key(name: str) -> str:
    if not name or len(name) > METADATA_KEY_CHARACTERS_MAX or "[" in name or "]" in name:
        raise ValidationError(
            f"parameter_invalid|A metadata name has 1 to {METADATA_KEY_CHARACTERS_MAX} characters, without [ and ]."
        )
    return name


def _metadata_value(name: str, text: Any) -> str:
    if text is None:
        return ""
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValidationError({name: ["parameter_invalid_string|A metadata value must be a text."]})
    if len(str(text)) > METADATA_VALUE_CHARACTERS_MAX:
        raise ValidationError(
            {name: [f"parameter_too_long|A metadata value has at most {METADATA_VALUE_CHARACTERS_MAX} characters."]}
        )
    return str(text)


class WordList(fields.Field[list[str]]):
    """A list of texts, from JSON or from a form's `a[]`/`a[0]`."""

    default_error_messages = _MISSING | _NULL

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ValidationError("parameter_invalid|This must be a list of texts.")
        return value


class Ignored(fields.Field[object]):
    """Accepted and not used: the seeds or Stripe's SDKs send it, and it changes nothing here."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> object:
        return None


class Part(fields.Nested):
    """A structure inside a structure."""

    default_error_messages = _MISSING | _NULL | {"type": "parameter_invalid|This must be a structure with named parts."}
