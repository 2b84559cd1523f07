"""Logs can be shown to anyone: after whole payments, and after every kind of failure, they hold no secret."""

from __future__ import annotations

from typing import Final

from tests.api.browsing import CALLBACK, Browser, query_of
from tests.api.calling import INTENTS, basic, new_buyer, raw
from tests.support.stack import MINI_PROGRAM, RunningStack

DESCRIPTION: Final = "a very private description"


def test_no_secret_is_in_any_log_after_payments_and_failures(own_stack: RunningStack) -> None:
    secrets = _keys(own_stack) | _pay_as_official_account_buyer(own_stack) | _pay_as_mini_program_buyer(own_stack)
    secrets |= _fail(own_stack) | {"description": DESCRIPTION}
    own_stack.stop()
    logs = {name: own_stack.log(name) for name in ("web", "worker")}
    assert '"route":' in logs["web"], "requests are logged"
    assert "provider_failed" in logs["web"], "failures are logged"
    for name, secret in secrets.items():
        assert len(secret) > 6, name
        for process, log in logs.items():
            assert secret not in log, f"{name} is in the log of {process}"


def _keys(stack: RunningStack) -> dict[str, str]:
    """Every secret that the settings name, as text."""
    state = stack.stack.state
    files = [
        *state.glob("keys/*.txt"),
        *state.glob("wechat/merchant/apiv?_key.txt"),
        *state.glob("wechat/apps/*.secret.txt"),
    ]
    assert len(files) >= 6
    return {file.name: file.read_text(encoding="ascii").strip() for file in files}


def _pay_as_official_account_buyer(stack: RunningStack) -> dict[str, str]:
    """From the log-in page to the money; returns what was secret on the way."""
    buyer, intent = new_buyer(stack), stack.create_intent(description=DESCRIPTION)
    browser = Browser(stack, buyer["id"])
    back = browser.authorize(browser.start().headers["location"])
    browser.visit(back)
    confirmed = browser.confirm(intent).json()
    stack.pay(confirmed, buyer=buyer["id"])
    stack.wait_status(intent["id"], "succeeded")
    params = confirmed["next_action"]["wechat_pay_official_account_params"]
    return {
        "code": query_of(back)["code"],
        "state": query_of(back)["state"],
        "browser cookie": browser.cookies["wx_browser"],
        "session cookie": browser.cookies["wx_session"],
        "client secret": intent["client_secret"],
        "paySign": params["paySign"],
        "prepay id": params["package"],
        **{f"openid in {app}": openid for app, openid in buyer["openids"].items()},
    }


def _pay_as_mini_program_buyer(stack: RunningStack) -> dict[str, str]:
    """From wx.login to the money, with the notice lost so that the worker asks."""
    buyer, intent = new_buyer(stack), stack.create_intent(description=DESCRIPTION)
    code = stack.desk("POST", f"/buyers/{buyer['id']}/codes", {"appid": MINI_PROGRAM, "kind": "mini_program"})["code"]
    login = {"code": code}
    token = stack.api("POST", "/v1/wechat/mini_program/login", login, key=stack.publishable_key)["token"]
    headers = {"Client-Secret": intent["client_secret"], "Wx-Session": token}
    body = {"payment_method_data": {"type": "wechat_pay"}}
    confirmed = stack.api("POST", f"{INTENTS}/{intent['id']}/confirm", body, key=stack.publishable_key, headers=headers)
    stack.mischief(notices={"lose": {"times": 1}})
    stack.pay(confirmed, buyer=buyer["id"])
    stack.wait_status(intent["id"], "succeeded")
    return {"mini code": code, "token": token, "mini client secret": intent["client_secret"]} | {
        f"mini openid in {app}": openid for app, openid in buyer["openids"].items()
    }


def _fail(stack: RunningStack) -> dict[str, str]:
    """Everything that goes wrong with a secret at hand."""
    buyer = new_buyer(stack)
    browser, intent = Browser(stack, buyer["id"]), stack.create_intent()
    back = browser.authorize(browser.start().headers["location"])
    stack.mischief(platform={"busy": {"times": 1}})
    assert browser.visit(back).status == 502
    browser.visit(f"{CALLBACK}?code=an-unknown-code&state={query_of(back)['state']}")
    stack.call("GET", INTENTS, key="sk_test_of_nobody")
    stack.call("GET", INTENTS, key="", headers=basic("sk_test_of_nobody_by_basic"))
    stack.call("GET", f"{INTENTS}/{intent['id']}?client_secret=pi_1_secret_in_a_query", key=stack.publishable_key)
    raw(stack, INTENTS, b'{"description": "a broken body', "application/json")
    for fault in ("drop_after", "html_502", "bad_signature", "error_500_before", "truncate"):
        stack.mischief(api=[{"fault": fault, "path": "order", "times": 2}])
        options = {"wechat_pay": {"terminal_type": "mini_program", "openid": buyer["openids"][MINI_PROGRAM]}}
        body = {"amount": 5, "currency": "CNY", "confirm": True, "payment_method_options": options}
        assert stack.call("POST", INTENTS, body).status == 200
    code = stack.desk("POST", f"/buyers/{buyer['id']}/payment_code", {})["code"]
    for fault in ("bad_signature", "drop_after"):
        stack.mischief(api=[{"fault": fault, "path": "code_pay", "times": 1}])
        data = {"type": "wechat_pay", "wechat_pay": {"payment_code": code}}
        options = {"wechat_pay": {"terminal_type": "SCAN_CODE"}}
        told = {"payment_method_data": data, "payment_method_options": options}
        assert stack.call("POST", INTENTS, {"amount": 5, "currency": "CNY", "confirm": True} | told).status == 200
    stack.behave()
    return {
        "payment code": code,
        "failed code": query_of(back)["code"],
        "unknown code": "an-unknown-code",
        "unknown key": "sk_test_of_nobody",
        "queried secret": "pi_1_secret_in_a_query",
        "broken body": "a broken body",
        "failing openid": buyer["openids"][MINI_PROGRAM],
    }
