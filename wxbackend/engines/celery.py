"""Celery as the engine, on Redis or RabbitMQ. A message is a kind and a row's number, nothing else.

Nothing is asked of Celery that the database does not do better: no repeats, no results, no schedules, and messages are
acknowledged before the work, as the lease of the row brings back what a dead worker left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from wxbackend.ports.engine import EngineAway
from wxbackend.ports.store import Kind

TASK: Final = "wxbackend.work_on"
QUEUE_PREFIX: Final = "wxbackend."
CONNECT_TIMEOUT_S: Final = 2.0
SEND_TIMEOUT_S: Final = 3.0
SEND_AGAIN_MAX: Final = 1
"""Over a new connection; a doubled message does no harm."""
RECONNECT_EVERY_S: Final = 1.0
SENDERS_MAX: Final = 4


class CelerySender:
    """See `ports.engine.Engine`. Connects when it is first needed, so the broker may come later."""

    def __init__(self, broker_url: str) -> None:
        self._app = _application(broker_url)

    def send(self, kind: Kind, item: int) -> None:
        """Hand a row's number over."""
        try:
            self._app.send_task(TASK, (kind.value, item), queue=_queue(kind), retry=True, ignore_result=True)
        except (OperationalError, OSError) as error:
            raise EngineAway(f"the broker took no message ({type(error).__name__})") from error


def consume(broker_url: str, work_on: Callable[[Kind, int], object], *, hands: int) -> None:
    """Work until a signal ends it; what is under way then is finished first. Everything runs in this process."""
    application = _application(broker_url)

    def work(kind: str, item: int) -> None:
        work_on(Kind(kind), int(item))

    application.task(name=TASK, ignore_result=True)(work)
    without = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    application.worker_main(
        ["--quiet", "worker", "--pool=threads", f"--concurrency={hands}", "--loglevel=WARNING", *without]
    )


def _queue(kind: Kind) -> str:
    return QUEUE_PREFIX + kind.value


def _application(broker_url: str) -> Any:
    application = Celery("wxbackend", broker=broker_url, set_as_current=False)
    application.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_queues={name: {"exchange": name, "routing_key": name} for name in map(_queue, Kind)},
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry_policy={
            "max_retries": SEND_AGAIN_MAX,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
        broker_connection_timeout=CONNECT_TIMEOUT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=SENDERS_MAX,
        broker_transport_options={"socket_connect_timeout": CONNECT_TIMEOUT_S, "socket_timeout": SEND_TIMEOUT_S}
        if broker_url.startswith("redis")
        else {},
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return application
