"""Field rules of WeChat Pay request bodies: what a body may hold, how long, and the refusal for everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from wxbackend.simulators.wechat_pay.refusal import (
    CAUSE_EXTRA_PARAMETER,
    CAUSE_OUT_OF_RANGE,
    CAUSE_PARAMETER,
    Refusal,
    bad_parameter,
)

BODY_BYTES_MAX = 1024 * 1024
INTEGER_MAX = 2**63 - 1
HIGHEST_THREE_BYTE_CHARACTER = "\uffff"
SURROGATES = ("\ud800", "\udfff")


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters (not bytes)."""

    longest: int
    shortest: int = 0
    pattern: re.Pattern[str] | None = None
    choices: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A JSON integer; `1.0`, `"1"` and `true` are not integers."""

    least: int
    most: int = INTEGER_MAX


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Many:
    """An array whose members all follow one rule."""

    item: Rule


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with required and optional members and no others."""

    required: Mapping[str, Rule]
    optional: Mapping[str, Rule]


Rule = Text | Whole | Flag | Many | Shape


def parse_object(body: bytes) -> dict[str, object]:
    """The JSON object in a body. Raises Refusal for anything else, for null and for four-byte characters."""
    if len(body) > BODY_BYTES_MAX:
        raise bad_parameter("/", "请求体过大", cause=CAUSE_OUT_OF_RANGE)
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "PARAM_ERROR", "请求体不是有效的JSON", cause=CAUSE_PARAMETER) from error
    if not isinstance(value, dict):
        raise bad_parameter("/", "请求体应为JSON对象")
    _refuse_null_and_wide(value, "")
    return value


def check(value: object, rule: Rule, path: str = "") -> None:
    """Hold a parsed value against a rule. Raises Refusal that names the first field in breach of it."""
    match rule:
        case Text():
            _check_text(value, rule, path)
        case Whole():
            _check_whole(value, rule, path)
        case Flag():
            if not isinstance(value, bool):
                raise bad_parameter(path, "应为布尔值")
        case Many():
            if not isinstance(value, list):
                raise bad_parameter(path, "应为数组")
            for index, item in enumerate(value):
                check(item, rule.item, f"{path}/{index}")
        case Shape():
            _check_shape(value, rule, path)


def _check_text(value: object, rule: Text, path: str) -> None:
    if not isinstance(value, str):
        raise bad_parameter(path, "应为字符串")
    if not rule.shortest <= len(value) <= rule.longest:
        raise bad_parameter(path, f"字符数应在{rule.shortest}到{rule.longest}之间")
    if rule.pattern is not None and not rule.pattern.fullmatch(value):
        raise bad_parameter(path, "含有不允许的字符")
    if rule.choices is not None and value not in rule.choices:
        raise bad_parameter(path, "不是可取的值", value=value)


def _check_whole(value: object, rule: Whole, path: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_parameter(path, "应为整数")
    if not rule.least <= value <= rule.most:
        raise bad_parameter(path, "超出取值范围", cause=CAUSE_OUT_OF_RANGE)


def _check_shape(value: object, rule: Shape, path: str) -> None:
    if not isinstance(value, dict):
        raise bad_parameter(path or "/", "应为对象")
    for name in rule.required:
        if name not in value:
            raise bad_parameter(f"{path}/{name}", "缺少必填参数")
    for name, member in value.items():
        known = rule.required.get(name) or rule.optional.get(name)
        if known is None:
            raise bad_parameter(f"{path}/{name}", "非法的额外参数", cause=CAUSE_EXTRA_PARAMETER)
        check(member, known, f"{path}/{name}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_null_and_wide(value: object, path: str) -> None:
    if value is None:
        raise bad_parameter(path, "不允许为null")
    if isinstance(value, str) and any(map(_is_wide, value)):
        raise bad_parameter(path, "含有4字节UTF-8字符")
    if isinstance(value, dict):
        for name, member in value.items():
            _refuse_null_and_wide(name, f"{path}/…")
            _refuse_null_and_wide(member, f"{path}/{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_null_and_wide(item, f"{path}/{index}")


def _is_wide(character: str) -> bool:
    """Whether it needs four bytes of UTF-8, or is half of a pair that would."""
    lowest, highest = SURROGATES
    return character > HIGHEST_THREE_BYTE_CHARACTER or lowest <= character <= highest
