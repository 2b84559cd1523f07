"""Logins and tokens follow the platform's rules: codes once, errcodes by name, tokens that overlap."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from .merchant import JSAPI, MINI_PROGRAM, OFFICIAL_ACCOUNT, UNBOUND, Merchant

CALLBACK = "http://127.0.0.1:5000/callback"


def get(merchant: Merchant, path: str, **query: str) -> Any:
    """A platform call: always HTTP 200, JSON under text/plain."""
    reply = merchant.client.get(path, query_string=query)
    assert (reply.status_code, reply.mimetype) == (200, "text/plain")
    return json.loads(reply.get_data())


def code(merchant: Merchant, kind: str = "oauth", buyer: str = "buyer_1", **more: str) -> str:
    """A login code from the desk."""
    appid = OFFICIAL_ACCOUNT if kind == "oauth" else MINI_PROGRAM
    wish = {"appid": appid, "kind": kind, **more}
    return str(merchant.desk("POST", f"/buyers/{buyer}/codes", wish)["code"])


def exchange(merchant: Merchant, code: str, /, **changes: str | None) -> Any:
    """Exchange a web code; a parameter set to None is left out."""
    query = {
        "appid": OFFICIAL_ACCOUNT,
        "secret": merchant.secrets[OFFICIAL_ACCOUNT],
        "code": code,
        "grant_type": "authorization_code",
        **changes,
    }
    kept = {name: value for name, value in query.items() if value is not None}
    return get(merchant, "/sns/oauth2/access_token", **kept)


def login(merchant: Merchant, code: str, /, **changes: str | None) -> Any:
    """Exchange a mini program code; a parameter set to None is left out."""
    query = {
        "appid": MINI_PROGRAM,
        "secret": merchant.secrets[MINI_PROGRAM],
        "js_code": code,
        "grant_type": "authorization_code",
        **changes,
    }
    kept = {name: value for name, value in query.items() if value is not None}
    return get(merchant, "/sns/jscode2session", **kept)


def authorize_url(*, scope: str = "snsapi_base", uri: str = CALLBACK, state: str = "abc") -> str:
    """The address a merchant sends its buyer to."""
    return (
        f"/connect/oauth2/authorize?appid={OFFICIAL_ACCOUNT}&redirect_uri={quote(uri, safe='')}"
        f"&response_type=code&scope={scope}&state={state}"
    )


def test_a_silent_login_comes_straight_back_with_a_code(merchant: Merchant) -> None:
    reply = merchant.client.get(authorize_url())
    back = urlsplit(reply.headers["Location"])
    query = parse_qs(back.query)
    assert (reply.status_code, back.netloc, query["state"]) == (302, "127.0.0.1:5000", ["abc"])
    session = exchange(merchant, query["code"][0])
    assert session["openid"] == merchant.openids[OFFICIAL_ACCOUNT]
    assert (session["expires_in"], session["scope"]) == (7200, "snsapi_base")
    assert "is_snapshotuser" not in session


def test_the_cookie_says_whose_wechat_it_is(merchant: Merchant) -> None:
    other = merchant.desk("POST", "/buyers", {"name": "小红"})
    merchant.client.set_cookie("sim_buyer", other["id"])
    reply = merchant.client.get(authorize_url())
    back = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert exchange(merchant, back["code"][0])["openid"] == other["openids"][OFFICIAL_ACCOUNT]


def test_userinfo_asks_first_and_denial_goes_nowhere(merchant: Merchant) -> None:
    url = authorize_url(scope="snsapi_userinfo")
    assert "允许" in merchant.client.get(url).get_data(as_text=True)
    denied = merchant.client.post(url, data={"decision": "deny"})
    assert (denied.status_code, "Location" in denied.headers) == (200, False)
    allowed = merchant.client.post(url, data={"decision": "allow"})
    assert (allowed.status_code, "code=" in allowed.headers["Location"]) == (302, True)


def test_a_callback_keeps_its_own_query(merchant: Merchant) -> None:
    reply = merchant.client.get(authorize_url(uri=f"{CALLBACK}?shop=1"))
    assert reply.headers["Location"].startswith(f"{CALLBACK}?shop=1&code=")


@pytest.mark.parametrize(
    ("url", "number"),
    [
        (authorize_url(uri="http://shop.example.com/callback"), "10003"),
        (authorize_url(uri="http://127.0.0.1.example.com/callback"), "10003"),
        (authorize_url(uri="http://127.0.0.1@example.com/callback"), "10003"),
        (authorize_url(uri="javascript:alert(1)"), "10003"),
        (authorize_url(scope="snsapi_login"), "10005"),
        (authorize_url(state="a-b"), "10013"),
        (authorize_url(state="a" * 129), "10013"),
        (authorize_url().replace(OFFICIAL_ACCOUNT, MINI_PROGRAM), "10016"),
        (authorize_url().replace("&response_type=code", "") + "&response_type=code", "参数"),
        (authorize_url().replace("response_type=code", "response_type=token"), "参数"),
        (authorize_url() + "&extra=1", "参数"),
    ],
)
def test_a_wrong_visit_shows_an_error_page(merchant: Merchant, url: str, number: str) -> None:
    reply = merchant.client.get(url)
    assert (reply.mimetype, "Location" in reply.headers) == ("text/html", False)
    assert number in reply.get_data(as_text=True)


def test_a_registered_domain_replaces_loopback(merchant: Merchant) -> None:
    merchant.desk("POST", f"/apps/{OFFICIAL_ACCOUNT}", {"oauth_domain": "shop.example.com"})
    uris = {
        "https://shop.example.com/back": 302,
        "http://shop.example.com:80/back": 302,
        "http://shop.example.com:8080/back": 200,
        "http://a.shop.example.com/back": 200,
        CALLBACK: 200,
    }
    seen = {uri: merchant.client.get(authorize_url(uri=uri)).status_code for uri in uris}
    assert seen == uris


def test_an_account_without_the_scope_is_refused(merchant: Merchant) -> None:
    merchant.desk("POST", f"/apps/{OFFICIAL_ACCOUNT}", {"scopes": ["snsapi_base"]})
    page = merchant.client.get(authorize_url(scope="snsapi_userinfo")).get_data(as_text=True)
    assert "10005" in page
    assert merchant.client.get(authorize_url()).status_code == 302


def test_the_desk_remembers_callbacks_for_a_second_visit(merchant: Merchant) -> None:
    went = merchant.client.get(authorize_url()).headers["Location"]
    assert merchant.desk("GET", "/oauth/callbacks")["callbacks"] == [went]


def test_a_code_is_good_once(merchant: Merchant) -> None:
    web, mini = code(merchant), code(merchant, "mini_program")
    assert "openid" in exchange(merchant, web)
    assert "openid" in login(merchant, mini)
    assert exchange(merchant, web)["errcode"] == 40163
    assert login(merchant, mini)["errcode"] == 40163


def test_a_code_is_good_for_five_minutes(merchant: Merchant) -> None:
    web, mini = code(merchant), code(merchant, "mini_program")
    merchant.desk("POST", "/clock", {"advance_s": 301})
    assert exchange(merchant, web)["errcode"] == 42003
    assert login(merchant, mini)["errcode"] == 40029


def test_a_code_of_one_account_is_no_code_of_another(merchant: Merchant) -> None:
    mine = code(merchant)
    said = exchange(merchant, mine, appid=UNBOUND, secret=merchant.secrets[UNBOUND])
    assert said["errcode"] == 40029
    assert "openid" in exchange(merchant, mine)


def test_a_code_of_one_kind_is_no_code_of_the_other(merchant: Merchant) -> None:
    assert exchange(merchant, code(merchant, "mini_program"))["errcode"] == 40029
    assert login(merchant, code(merchant))["errcode"] == 40029


@pytest.mark.parametrize(
    ("name", "value", "errcode"),
    [
        ("appid", None, 41002),
        ("appid", "wx0000000000000000", 40013),
        ("secret", None, 41004),
        ("secret", "wrong", 40125),
        ("code", None, 41008),
        ("code", "unknown", 40029),
        ("grant_type", None, 40002),
    ],
)
def test_each_wrong_login_parameter_has_its_errcode(
    merchant: Merchant, name: str, value: str | None, errcode: int
) -> None:
    said = exchange(merchant, code(merchant), **{name: value})
    assert said["errcode"] == errcode
    assert re.search(r"rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$", said["errmsg"])
    mini_name = "js_code" if name == "code" else name
    assert login(merchant, code(merchant, "mini_program"), **{mini_name: value})["errcode"] == errcode


def test_a_mini_program_login_gives_openid_and_a_new_session_key(merchant: Merchant) -> None:
    first = login(merchant, code(merchant, "mini_program"))
    second = login(merchant, code(merchant, "mini_program"))
    assert first["openid"] == second["openid"] == merchant.openids[MINI_PROGRAM]
    assert first["session_key"] != second["session_key"]
    assert len(first["session_key"]) == 24


def test_a_risky_buyer_is_refused(merchant: Merchant) -> None:
    risky = merchant.desk("POST", "/buyers", {"risky": True})
    said = login(merchant, code(merchant, "mini_program", risky["id"]))
    assert said["errcode"] == 40226


def test_a_hundred_logins_a_minute_are_enough(merchant: Merchant) -> None:
    answers = [login(merchant, code(merchant, "mini_program")) for _ in range(101)]
    assert [answer.get("errcode") for answer in answers] == [None] * 100 + [45011]
    merchant.desk("POST", "/clock", {"advance_s": 60})
    assert "openid" in login(merchant, code(merchant, "mini_program"))


def test_a_busy_platform_says_so_and_recovers(merchant: Merchant) -> None:
    merchant.desk("POST", "/mischief", {"platform": {"busy": {"times": 1}}})
    login_code = code(merchant, "mini_program")
    assert login(merchant, login_code)["errcode"] == -1
    assert "openid" in login(merchant, login_code)


def test_a_snapshot_user_has_an_openid_that_cannot_pay(merchant: Merchant) -> None:
    merchant.desk("POST", "/mischief", {"platform": {"oauth_snapshot": {"times": 1}}})
    session = exchange(merchant, code(merchant))
    assert session["is_snapshotuser"] == 1
    assert session["openid"] not in merchant.openids.values()
    answer = merchant.call("POST", JSAPI, merchant.order(payer={"openid": session["openid"]}))
    assert (answer.status, answer.body["code"]) == (400, "PARAM_ERROR")
    assert "is_snapshotuser" not in exchange(merchant, code(merchant))


def test_a_web_session_tells_who_it_is_while_it_lives(merchant: Merchant) -> None:
    session = exchange(merchant, code(merchant, scope="snsapi_userinfo"))
    who = {"access_token": session["access_token"], "openid": session["openid"]}
    assert get(merchant, "/sns/userinfo", **who)["nickname"] == "小明"
    assert get(merchant, "/sns/auth", **who)["errcode"] == 0
    assert get(merchant, "/sns/auth", **{**who, "openid": "o" * 28})["errcode"] == 40003
    merchant.desk("POST", "/clock", {"advance_s": 7200})
    assert get(merchant, "/sns/auth", **who)["errcode"] == 42001
    renew = {"appid": OFFICIAL_ACCOUNT, "grant_type": "refresh_token"}
    renewed = get(merchant, "/sns/oauth2/refresh_token", refresh_token=session["refresh_token"], **renew)
    who["access_token"] = renewed["access_token"]
    assert get(merchant, "/sns/auth", **who)["errcode"] == 0
    merchant.desk("POST", "/clock", {"advance_s": 30 * 86400})
    late = get(merchant, "/sns/oauth2/refresh_token", refresh_token=session["refresh_token"], **renew)
    assert late["errcode"] == 42002


def test_a_silent_session_has_no_profile(merchant: Merchant) -> None:
    session = exchange(merchant, code(merchant))
    who = {"access_token": session["access_token"], "openid": session["openid"]}
    assert get(merchant, "/sns/userinfo", **who)["errcode"] == 48001


def classic(merchant: Merchant) -> str:
    """A new classic token."""
    secret = merchant.secrets[OFFICIAL_ACCOUNT]
    query = {"grant_type": "client_credential", "appid": OFFICIAL_ACCOUNT, "secret": secret}
    return str(get(merchant, "/cgi-bin/token", **query)["access_token"])


def stable(merchant: Merchant, **more: object) -> Any:
    """The stable token's answer."""
    wish = {
        "grant_type": "client_credential",
        "appid": OFFICIAL_ACCOUNT,
        "secret": merchant.secrets[OFFICIAL_ACCOUNT],
        **more,
    }
    return json.loads(merchant.client.post("/cgi-bin/stable_token", json=wish).get_data())


def verdict(merchant: Merchant, token: str) -> int:
    """What a business call says to this token."""
    said = get(merchant, "/cgi-bin/get_api_domain_ip", access_token=token)
    return int(said.get("errcode", 0))


def test_a_classic_token_kills_the_former_after_five_minutes(merchant: Merchant) -> None:
    first, second = classic(merchant), classic(merchant)
    assert first != second
    assert [verdict(merchant, token) for token in (first, second)] == [0, 0]
    merchant.desk("POST", "/clock", {"advance_s": 300})
    assert [verdict(merchant, token) for token in (first, second)] == [42001, 0]


def test_a_stable_token_stays_until_its_last_five_minutes(merchant: Merchant) -> None:
    first = stable(merchant)
    merchant.desk("POST", "/clock", {"advance_s": 6000})
    again = stable(merchant)
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] <= 1200
    merchant.desk("POST", "/clock", {"advance_s": 950})
    renewed = stable(merchant)
    assert renewed["access_token"] != first["access_token"]
    tokens = (first["access_token"], renewed["access_token"])
    assert [verdict(merchant, token) for token in tokens] == [0, 0]


def test_a_forced_refresh_kills_the_former_at_once_and_is_rationed(merchant: Merchant) -> None:
    first = stable(merchant)["access_token"]
    second = stable(merchant, force_refresh=True)["access_token"]
    assert [verdict(merchant, token) for token in (first, second)] == [42001, 0]
    assert stable(merchant, force_refresh=True)["errcode"] == 45009
    merchant.desk("POST", "/clock", {"advance_s": 30})
    assert "access_token" in stable(merchant, force_refresh=True)


def test_the_two_kinds_of_token_do_not_disturb_each_other(merchant: Merchant) -> None:
    kept = stable(merchant)["access_token"]
    classic(merchant)
    classic(merchant)
    merchant.desk("POST", "/clock", {"advance_s": 600})
    assert verdict(merchant, kept) == 0


def test_a_token_nobody_gave_out_is_invalid(merchant: Merchant) -> None:
    assert [verdict(merchant, token) for token in ("", "made up")] == [41001, 40001]


def test_stable_token_reads_json_alone(merchant: Merchant) -> None:
    reply = merchant.client.post("/cgi-bin/stable_token", data="appid=x")
    assert json.loads(reply.get_data())["errcode"] == 47001
    assert stable(merchant, secret="wrong")["errcode"] == 40125
