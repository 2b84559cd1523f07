"""Forms and JSON become the same parameters, however nested, and what is not one of them is refused by name."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode
from werkzeug.test import EnvironBuilder

from wxbackend.api import parameters
from wxbackend.api.parameters import DEPTH_MAX, FIELDS_MAX, FORM, JSON, UnsupportedBody
from wxbackend.domain.errors import InvalidRequest

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00[]"), min_size=1, max_size=10)
NESTED = st.dictionaries(
    NAMES,
    st.recursive(
        TEXTS,
        lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def read(body: bytes, content_type: str | None, *, method: str = "POST", query: str = "") -> dict[str, Any]:
    """The parameters of such a request."""
    builder = EnvironBuilder(method=method, query_string=query, data=body, content_type=content_type)
    try:
        return parameters.of_request(Request(builder.get_environ()))
    finally:
        builder.close()


def numbered(value: Any) -> Any:
    """Lists as forms spell them: by their places."""
    if isinstance(value, dict):
        return {name: numbered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return {str(place): numbered(inner) for place, inner in enumerate(value)}
    return value


def depth(value: Any) -> int:
    """How many structures stand inside each other."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max((depth(each) for each in inner), default=0)
    return 0


@given(NESTED)
def test_what_stripes_encoder_spells_is_read_back(wanted: dict[str, Any]) -> None:
    body = urlencode(list(_api_encode(wanted))).encode()
    assert read(body, FORM) == numbered(wanted)
    assert read(b"", None, method="GET", query=body.decode()) == numbered(wanted)


@given(NESTED)
def test_the_same_in_json_is_read_back(wanted: dict[str, Any]) -> None:
    body = json.dumps(wanted, ensure_ascii=False).encode()
    assert read(body, JSON) == wanted
    assert read(body, f"{JSON}; charset=utf-8") == wanted


def test_an_empty_bracket_appends() -> None:
    assert read(b"a[]=x&a[]=y", FORM) == {"a": {"0": "x", "1": "y"}}


@given(st.binary(max_size=300), st.sampled_from([FORM, JSON, None, "application/merge-patch+json"]))
def test_no_bytes_do_worse_than_be_refused(body: bytes, content_type: str | None) -> None:
    found: dict[str, Any] = {}
    with suppress(InvalidRequest):
        found = read(body, content_type)
    assert isinstance(found, dict)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"a=1&a=2", "parameter_duplicate", "a"),
        (b"a[b]=1&a[b]=2", "parameter_duplicate", "a[b]"),
        (b"a=1&a[b]=2", "form_invalid", "a[b]"),
        (b"a[b]=1&a=2", "parameter_duplicate", "a"),
        (b"a[b=1", "form_invalid", "a[b"),
        (b"[a]=1", "form_invalid", "[a]"),
        (b"a[b]c=1", "form_invalid", "a[b]c"),
        (b"a[[b]]=1", "form_invalid", "a[[b]]"),
        (b"a" + b"[b]" * DEPTH_MAX + b"=1", "form_invalid", None),
        (b"a=%FF", "form_invalid", None),
        (b"\xff=1", "form_invalid", None),
        (b"a=%00", "text_invalid", None),
        (b"%00=a", "text_invalid", None),
        (b"&".join(b"a%d=1" % number for number in range(FIELDS_MAX + 1)), "form_invalid", None),
    ],
)
def test_a_form_that_says_two_things_or_none_is_refused(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(body, FORM)
    assert refused.value.code == code
    if param is not None:
        assert refused.value.param == param


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "json_invalid"),
        (b"[]", "json_invalid"),
        (b'"a"', "json_invalid"),
        (b"null", "json_invalid"),
        (b'{"a": NaN}', "json_invalid"),
        (b'{"a": Infinity}', "json_invalid"),
        (b'{"a": -Infinity}', "json_invalid"),
        (b'{"a": 1, "a": 2}', "parameter_duplicate"),
        (b'{"b": {"a": 1, "a": 2}}', "parameter_duplicate"),
        (b'{"a": "\\u0000"}', "text_invalid"),
        (b'{"a": "\\ud800"}', "text_invalid"),
        (b'{"\\ud800": "a"}', "text_invalid"),
        (b'{"a": "\xff"}', "json_invalid"),
        (b'{"a":' * (DEPTH_MAX + 2) + b"1" + b"}" * (DEPTH_MAX + 2), "json_invalid"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "json_invalid"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "json_invalid"),
    ],
)
def test_json_that_is_no_object_or_not_plain_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(body, JSON)
    assert refused.value.code == code


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "a/b"])
def test_another_content_type_is_told_which_are_read(content_type: str) -> None:
    with pytest.raises(UnsupportedBody, match=JSON):
        read(b"a=1", content_type)


def test_without_a_content_type_the_first_character_decides() -> None:
    assert read(b' {"a": "1"}', None) == {"a": "1"}
    assert read(b"a=1", None) == {"a": "1"}
    assert read(b"", None) == {}


@given(NESTED)
def test_nothing_is_nested_deeper_than_the_limit(wanted: dict[str, Any]) -> None:
    deep: Any = wanted
    for _ in range(DEPTH_MAX + 1):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest):
        read(json.dumps(deep).encode(), JSON)
    assert depth(read(json.dumps(wanted).encode(), JSON)) == depth(wanted)
