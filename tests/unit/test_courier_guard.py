"""The courier calls only addresses that were checked: whatever names, redirects and a changing DNS say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from tests.simulators.receiver import Receiver
from tests.support.objects import NOW_MS
from wxbackend.delivery.courier import NOT_PUBLIC, HttpCourier
from wxbackend.delivery.guard import Guard
from wxbackend.domain.endpoint import Endpoint
from wxbackend.ports.delivery import Outcome, Parcel

HERE = "127.0.0.1"
NAME = "shop.example"


@dataclass(slots=True)
class Names:
    """A resolver that gives one answer after the other; the last one stays."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def deliver(courier: HttpCourier, url: str) -> Outcome:
    """One try."""
    endpoint = Endpoint("we_1", "acct_demo", livemode=False, url=url, secret="whsec_x")
    return courier.deliver(Parcel("evt_1", endpoint, b"{}", number=1, now_ms=NOW_MS))


def only_here(address: str) -> bool:
    """A check under which this machine plays the public."""
    return address == HERE


def named(receiver: Receiver) -> str:
    """The receiver's address under a name."""
    return f"http://{NAME}:{urlsplit(receiver.url).port}/notices"


def test_a_checked_address_is_called_and_the_name_stays_in_the_host_header(receiver: Receiver) -> None:
    names = Names([[HERE]])
    courier = HttpCourier(guard=Guard(only_here, names))
    assert deliver(courier, named(receiver)).delivered
    assert names.asked == [NAME]
    assert receiver.received[0].headers["Host"] == f"{NAME}:{urlsplit(receiver.url).port}"
    courier.close()


def test_a_name_is_looked_up_once_so_a_second_answer_is_never_called(receiver: Receiver) -> None:
    """The answer after the check leads elsewhere; the checked one is called."""
    names = Names([[HERE], ["127.0.0.2"]])
    courier = HttpCourier(guard=Guard(only_here, names))
    assert deliver(courier, named(receiver)).delivered
    assert names.asked == [NAME]
    courier.close()


def test_a_name_that_turns_private_between_two_tries_is_not_called_again(receiver: Receiver) -> None:
    names = Names([[HERE], ["10.0.0.1"]])
    courier = HttpCourier(guard=Guard(only_here, names))
    assert deliver(courier, named(receiver)).delivered
    courier.close()  # the kept connection ends, as it does when nobody uses it
    assert deliver(courier, named(receiver)) == Outcome(None, NOT_PUBLIC)
    assert (len(names.asked), len(receiver.received)) == (2, 1)
    courier.close()


@pytest.mark.parametrize("others", [["10.0.0.1"], ["::1"], ["169.254.169.254"], ["64:ff9b::7f00:1"]])
def test_one_private_answer_among_public_ones_is_enough_to_refuse(receiver: Receiver, others: list[str]) -> None:
    for answers in ([HERE, *others], [*others, HERE]):
        courier = HttpCourier(guard=Guard(only_here, Names([answers])))
        assert deliver(courier, named(receiver)) == Outcome(None, NOT_PUBLIC)
        courier.close()
    assert receiver.received == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "0.0.0.0"]
)
def test_spellings_of_this_machine_are_refused_by_the_real_resolver(receiver: Receiver, host: str) -> None:
    courier = HttpCourier()
    assert deliver(courier, f"http://{host}:{urlsplit(receiver.url).port}/notices") == Outcome(None, NOT_PUBLIC)
    assert receiver.received == []
    courier.close()


@pytest.mark.parametrize(
    "url", ["http://[::1]/", "http://[::ffff:127.0.0.1]/", "https://[fe80::1]/", "https://10.0.0.1/"]
)
def test_addresses_instead_of_names_are_checked_too(url: str) -> None:
    courier = HttpCourier()
    assert deliver(courier, url) == Outcome(None, NOT_PUBLIC)
    courier.close()


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.answers.append(302)
    courier = HttpCourier(guard=Guard(only_here, Names([[HERE]])))
    outcome = deliver(courier, named(receiver))
    assert (outcome.status, outcome.delivered) == (302, False)
    assert len(receiver.received) == 1
    courier.close()


def test_a_name_without_an_address_is_no_delivery() -> None:
    courier = HttpCourier(guard=Guard(only_here, Names([[]])))
    outcome = deliver(courier, f"http://{NAME}/")
    assert (outcome.status, outcome.reason) == (None, "NewConnectionError")
    courier.close()


def test_a_developers_machine_may_call_itself_when_told(receiver: Receiver) -> None:
    courier = HttpCourier(allow_private=True)
    assert deliver(courier, receiver.url).delivered
    courier.close()
