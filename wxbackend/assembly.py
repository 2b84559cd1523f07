"""The composition root: the only file that sees every room. It builds what a process needs from settings."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import ModuleType
from typing import Final

from flask import Flask

from wxbackend.api.application import create_application
from wxbackend.coordination.opening import open_coordination
from wxbackend.coordination.redis import RedisCoordination
from wxbackend.coordination.sqlite import SqliteCoordination
from wxbackend.delivery import schedule
from wxbackend.delivery.courier import HttpCourier
from wxbackend.directory import SettingsDirectory
from wxbackend.flows.dependencies import Dependencies, Policy
from wxbackend.flows.fetch_certificates import wish_for_certificates
from wxbackend.flows.recognise_key import KeptKeys
from wxbackend.identity.jssdk import JsapiTickets
from wxbackend.identity.order_shipping import WeChatOrderDesk
from wxbackend.identity.push import WeChatPushes
from wxbackend.identity.single_flight import SingleFlight
from wxbackend.identity.tokens import AccessTokens
from wxbackend.identity.wechat import WeChatIdentity
from wxbackend.metrics.prometheus import open_counting
from wxbackend.ports.bills import BillSource
from wxbackend.ports.coordination import Coordination
from wxbackend.ports.delivery import Courier
from wxbackend.ports.engine import Engine
from wxbackend.ports.mandate import MandateProvider
from wxbackend.ports.provider import CertificateSource, ClientCertificate, Hosts, Provider, Transport
from wxbackend.ports.surroundings import Surroundings
from wxbackend.providers.wechat_global.adapter import WechatGlobal
from wxbackend.providers.wechat_global.config import Terms
from wxbackend.providers.wechat_v2 import config as v2
from wxbackend.providers.wechat_v2.adapter import WechatV2
from wxbackend.providers.wechat_v3.adapter import WechatV3
from wxbackend.providers.wechat_v3.config import (
    AutoDebit,
    BadKey,
    MerchantConfig,
    check_apiv3_key,
    load_certificate,
    load_private_key,
    load_public_key,
)
from wxbackend.providers.wechat_v3.keys import KeyRing
from wxbackend.providers.wechat_v3.mandates import WechatMandates
from wxbackend.providers.wechat_v3.partner import WechatPartner
from wxbackend.providers.wechat_v3.roles import ServiceProvider
from wxbackend.settings import MerchantSettings, Settings, WorkSettings
from wxbackend.settings_document import WrongSettings
from wxbackend.store.nodes import Identifiers, NodeLease, nodes_engine
from wxbackend.store.reachable import Reachable
from wxbackend.store.unit import open_store
from wxbackend.surroundings import RealSurroundings, clock_ms
from wxbackend.transport.http import HttpTransport, Limits
from wxbackend.work.by_number import work_on
from wxbackend.work.worker import HANDS, Worker

METRICS_VARIABLE: Final = "WXBACKEND_METRICS_DIR"
"""Names the folder for web and worker; the other commands count nothing."""
GARBAGE_OBJECTS: Final = 10_000
"""So many new objects let the collector look at them; a request makes some hundreds that need no collector."""


class Registry:
    """See `ports.provider.Providers`."""

    def __init__(self) -> None:
        self._providers: dict[tuple[str, str], Provider] = {}
        self._sources: list[tuple[str, str, CertificateSource]] = []
        self._mandates: dict[tuple[str, str], MandateProvider] = {}
        self._bills: list[BillSource] = []

    def of(self, name: str, merchant: str) -> Provider | None:
        """The adapter for a merchant's number."""
        return self._providers.get((name, merchant))

    def mandates_of(self, name: str, merchant: str) -> MandateProvider | None:
        """The same for its auto-debit contracts."""
        return self._mandates.get((name, merchant))

    def add_mandates(self, provider: WechatV3, mandates: MandateProvider) -> None:
        """Register the contracts of one merchant's number."""
        self._mandates[provider.name, provider.merchant] = mandates

    def charging_codes(self, merchant: str) -> Provider | None:
        """The adapter that charges payment codes for a merchant's number."""
        known = (provider for (_, number), provider in self._providers.items() if number == merchant)
        return next((provider for provider in known if provider.takes_codes), None)

    def certificate_sources(self) -> Iterable[tuple[str, str, CertificateSource]]:
        """All whose certificates have to be fetched."""
        return tuple(self._sources)

    def bill_sources(self) -> Iterable[BillSource]:
        """All whose bills can be fetched."""
        return tuple(self._bills)

    def add(
        self, provider: Provider, *, source: CertificateSource | None = None, bills: BillSource | None = None
    ) -> None:
        """Register one merchant's number."""
        self._providers[provider.name, provider.merchant] = provider
        if source is not None:
            self._sources.append((provider.name, provider.merchant, source))
        if bills is not None:
            self._bills.append(bills)


@dataclass(frozen=True, slots=True)
class Assembled:
    """What a process holds, and how to let go of it."""

    settings: Settings
    deps: Dependencies
    store: Reachable
    coordination: SqliteCoordination | RedisCoordination

    def close(self) -> None:
        """Finish what is being written and close connections."""
        self.store.close()
        self.coordination.close()


def assemble(settings: Settings, *, metrics_folder: str | None = None) -> Assembled:
    """Build everything for one process; with a folder it counts together with the others that name it.

    Call it after a fork, never before.
    """
    url = settings.server.database_url
    store = Reachable(open_store(url))
    holder = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
    surroundings = RealSurroundings(Identifiers(NodeLease(nodes_engine(url), holder), clock_ms))
    coordination = open_coordination(settings.server.coordination_url, clock_ms)
    upstream = settings.upstream
    counting = open_counting(metrics_folder)
    limits = Limits(upstream.connect_timeout_s, upstream.read_timeout_s, upstream.total_timeout_s)
    transport = HttpTransport(limits, counting=counting)
    deps = Dependencies(
        store=store,
        transport=transport,
        providers=_registry(settings, store, coordination, surroundings),
        accounts=SettingsDirectory(settings, kept_keys=KeptKeys(store, surroundings).actor),
        identity=_identity(transport, coordination, surroundings, holder),
        coordination=coordination,
        courier=HttpCourier(
            settings.work.webhook_delays_s or schedule.DELAYS_S,
            total_s=settings.work.webhook_timeout_s,
            allow_private=settings.server.allow_private_webhooks,
        ),
        surroundings=surroundings,
        counting=counting,
        policy=Policy(
            order_expires_after_s=settings.work.order_expires_after_s,
            look_after_s=settings.work.look_after_s,
            refund_look_after_s=settings.work.refund_look_after_s,
            refund_short_after_s=settings.work.refund_short_after_s,
            shipping_again_after_s=settings.work.shipping_again_after_s,
            lease_s=settings.work.lease_s,
            login_lasts_s=settings.server.login_lasts_s,
            allow_private_webhooks=settings.server.allow_private_webhooks,
            fetch_bills=settings.work.fetch_bills,
            refund_spacing_s=settings.work.refund_spacing_s,
            allow_private_client_ips=settings.server.allow_private_client_ips,
            public_url=settings.server.public_url,
        ),
    )
    return Assembled(settings, deps, store, coordination)


def local_courier() -> Courier:
    """A courier for tools on a developer's machine: it may go to private addresses."""
    return HttpCourier(allow_private=True)


def provider_of(assembled: Assembled, merchant: MerchantSettings) -> Provider:
    """The adapter of new orders of a merchant's number that stands in the settings."""
    provider = assembled.deps.providers.of(merchant.provider, merchant.mchid)
    assert provider is not None, "there is an adapter for each merchant's number in the settings"
    return provider


def web_application(assembled: Assembled) -> Flask:
    """The HTTP side."""
    server = assembled.settings.server
    return create_application(
        assembled.deps,
        test_bridge_url=server.test_bridge_url,
        trusted_proxies=server.trusted_proxies,
        metrics_token=server.metrics_token,
    )


def spare_the_collector() -> None:
    """What was built by now lives as long as the process: the garbage collector need not go through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 50)


def worker(assembled: Assembled) -> Worker:
    """The side that time drives."""
    work = assembled.settings.work
    return Worker(
        assembled.deps,
        idle_wait_s=work.idle_wait_s,
        certificates_every_s=work.certificates_every_s,
        engine=_engine(work),
    )


def work_for_celery(assembled: Assembled, *, hands: int | None) -> None:
    """Do what the worker hands over through Celery, until a signal ends it."""
    work = assembled.settings.work
    if work.engine != "celery" or work.broker_url is None:
        raise WrongSettings('Nothing is handed over to Celery: set work.engine = "celery".')
    every_kind = sum(HANDS.values())
    _celery().consume(work.broker_url, partial(work_on, assembled.deps), hands=hands or every_kind)


def _engine(work: WorkSettings) -> Engine | None:
    if work.engine != "celery" or work.broker_url is None:
        return None
    sender: Engine = _celery().CelerySender(work.broker_url)
    return sender


def _celery() -> ModuleType:
    """Celery is an extra that most do without."""
    try:
        from wxbackend.engines import celery  # noqa: PLC0415
    except ImportError as error:
        raise WrongSettings(
            'work.engine = "celery" needs packages that are not installed: requirements/celery.txt has them.'
        ) from error
    return celery


def _identity(
    transport: Transport, coordination: Coordination, surroundings: Surroundings, holder: str
) -> WeChatIdentity:
    flight = SingleFlight(coordination, surroundings, holder=holder)
    tokens = AccessTokens(transport, coordination, surroundings, flight)
    return WeChatIdentity(
        transport,
        JsapiTickets(tokens, flight),
        orders=WeChatOrderDesk(tokens),
        pushes=WeChatPushes(coordination, surroundings),
    )


def _registry(settings: Settings, store: Reachable, shared: Coordination, surroundings: Surroundings) -> Registry:
    registry = Registry()
    for account in settings.accounts:
        for merchant in account.merchants:
            if merchant.apiv3_keys:
                provider = _wechat_v3(settings, merchant, store, surroundings, shared)
                source = provider if merchant.fetch_certificates else None
                registry.add(provider, source=source, bills=provider)
                if merchant.auto_debit is not None and isinstance(provider, WechatV3):
                    plan = AutoDebit(**asdict(merchant.auto_debit))
                    registry.add_mandates(provider, WechatMandates(provider, plan, surroundings))
            if merchant.apiv2_key is not None:
                apps = frozenset(app.appid for app in account.apps if app.mchid == merchant.mchid)
                registry.add(_wechat_v2(settings, merchant, apps, surroundings))
    return registry


def _wechat_v3(
    settings: Settings, merchant: MerchantSettings, store: Reachable, surroundings: Surroundings, shared: Coordination
) -> WechatV3 | WechatPartner | WechatGlobal:
    try:
        serial, certified = load_certificate(merchant.serial_certificate)
        private_key = load_private_key(merchant.private_key)
        if private_key.public_key().public_numbers() != certified.public_numbers():
            raise BadKey("private_key_file and certificate_file do not belong together")
        known = dict(load_certificate(pem) for pem in merchant.platform_certificates)
        public_key = load_public_key(merchant.public_key) if merchant.public_key else None
        apiv3_keys = tuple(check_apiv3_key(key) for key in merchant.apiv3_keys)
    except BadKey as error:
        raise WrongSettings(f"mchid {merchant.mchid}: {error}.") from error
    if public_key is not None and merchant.public_key_id is not None:
        known[merchant.public_key_id] = public_key
    name = WechatV3.name if merchant.cross_border is None else WechatGlobal.name
    config = MerchantConfig(
        mchid=merchant.mchid,
        serial=serial,
        private_key=private_key,
        apiv3_keys=apiv3_keys,
        notify_url=f"{settings.server.public_url}/notices/{name}/{merchant.mchid}",
        hosts=Hosts(merchant.api_url, merchant.backup_url),
        public_key_id=merchant.public_key_id,
        v3_codepay=merchant.v3_codepay,
    )
    ring = KeyRing(
        known,
        load=lambda: store.read(lambda unit: unit.certificates.load(name, merchant.mchid)),
        clock_s=lambda: surroundings.now_ms() // 1000,
        missing=partial(wish_for_certificates, shared, name, merchant.mchid) if merchant.fetch_certificates else None,
    )
    if merchant.cross_border is not None:
        return WechatGlobal(config, ring, surroundings, Terms(**asdict(merchant.cross_border)))
    if merchant.service_provider is not None:
        signer = ServiceProvider(**asdict(merchant.service_provider))
        return WechatPartner(replace(config, role=signer), ring, surroundings)
    return WechatV3(config, ring, surroundings)


def _wechat_v2(
    settings: Settings, merchant: MerchantSettings, apps: frozenset[str], surroundings: Surroundings
) -> WechatV2:
    try:
        key = v2.check_key(merchant.apiv2_key or "")
        previous = None if merchant.apiv2_key_previous is None else v2.check_key(merchant.apiv2_key_previous)
    except v2.BadKey as error:
        raise WrongSettings(f"mchid {merchant.mchid}: {error}.") from error
    hosts = Hosts(merchant.api_url, merchant.backup_url)
    config = v2.MerchantConfig(
        mchid=merchant.mchid,
        apps=apps,
        key=key,
        sign_type=merchant.sign_type,
        notify_url=f"{settings.server.public_url}/notices/{WechatV2.name}/{merchant.mchid}",
        hosts=hosts,
        certificate_hosts=hosts if merchant.certificate_api_url is None else Hosts(merchant.certificate_api_url),
        client=ClientCertificate(merchant.certificate_path, merchant.private_key_path, merchant.authority_path),
        charges_codes=not merchant.v3_codepay,
        previous_key=previous,
    )
    return WechatV2(config, surroundings)


def openapi_document(assembled: Assembled) -> dict[str, object]:
    """The OpenAPI document that the application serves."""
    document: dict[str, object] = web_application(assembled).test_client().get("/openapi.json").get_json()
    return document
