"""`giftcert shop`: the reference store and till, with the pages around them, until told to stop.

The composition root of the shop; `pipelines/neighbours/shop/` does the work.
"""

from contextlib import ExitStack
from functools import partial
from threading import Event
from time import time_ns
from typing import Final

import structlog

from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.background import Background
from pipelines.client_credentials import ClientCredentials
from pipelines.contracts.framing import Framing, framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.edge_client import trusted
from pipelines.interruption import stop_signals_interrupt
from pipelines.logs import configure_logs
from pipelines.neighbours.shop.address_directory import AddressDirectory
from pipelines.neighbours.shop.app import Parts, create_shop
from pipelines.neighbours.shop.balance_checks import BalanceChecks
from pipelines.neighbours.shop.edge import Edge
from pipelines.neighbours.shop.message_box import MessageBox
from pipelines.neighbours.shop.order_book import OrderBook
from pipelines.neighbours.shop.orders import Place
from pipelines.neighbours.shop.sale_writer import SaleWriter
from pipelines.neighbours.shop.sales import Sales
from pipelines.neighbours.shop.serving import ShopServer, repeat
from pipelines.neighbours.shop.settings import ShopSettings, load_shop_settings
from pipelines.neighbours.shop.stream_memory import StreamMemory
from pipelines.neighbours.shop.topic_reader import orders_follower, stream_follower
from pipelines.settings import Settings, load_settings

_THREADS_S: Final = 8.0
"""How long a thread may take to end: one that waits for Kafka has its own patience."""


def shop() -> None:
    r"""Run a store and a till that sell and take certificates, and the pages around them.

    Everything is at GIFTCERT_SHOP_PUBLIC_URL: the store at /store/, the till at /till/, the stream
    as it grows at /stream/. With GIFTCERT_SHOP_GATEWAY_SECRET_FILE there is a development SMS
    gateway too, and its phone at /phone/. The till asks nobody who they are: it is a reference,
    and belongs behind a log-in of yours. Away from loopback addresses there is the store alone,
    unless GIFTCERT_SHOP_STAFF_PAGES says otherwise.

    \b
    Examples:
      giftcert shop
      GIFTCERT_SHOP_PORT=9000 GIFTCERT_SHOP_TIME_ZONE=Europe/Moscow giftcert shop
    """
    own = load_shop_settings()
    settings = load_settings()
    # Asked for now: what is missing is to be known before a customer comes.
    own.gateway_secret()
    for client_id in _clients(own).values():
        own.client_secret(client_id)
    own.required_token_url()
    configure_logs(settings.log_level, settings.log_format)
    try:
        with (
            stop_signals_interrupt(),
            access_as(Principal.STORE, settings),
            ExitStack() as undo,
        ):
            server = ShopServer(own.host, own.port)
            undo.callback(server.close)
            _run(own, settings, server, undo)
    except KeyboardInterrupt:
        return


def _run(own: ShopSettings, settings: Settings, server: ShopServer, undo: ExitStack) -> None:
    """Serve, beside the threads that read the topics and tell Kafka what it had not taken."""
    framing = framing_for(settings, (RecordName.SALES_ORDER, RecordName.PAYMENT))
    undo.callback(framing.close)
    parts = _parts(own, settings, framing, undo)
    sales, stopped = parts.sales, Event()
    # A bug in one of the threads ends the shop, which then says so.
    beside = Background(server.stop)
    stream = stream_follower(settings, framing, sales.memory)
    orders = orders_follower(settings, framing, sales.book)
    log = structlog.get_logger(__name__)
    try:
        beside.start("shop-stream", partial(stream.run, stopped))
        beside.start("shop-orders", partial(orders.run, stopped))
        beside.start("shop-teller", partial(repeat, sales.tell_untold, stopped))
        log.info("shop open", url=own.url(), service=own.edge_url)
        server.run(create_shop(parts), partial(_let_go, parts))
    finally:
        stopped.set()
        beside.join(_THREADS_S)


def _parts(own: ShopSettings, settings: Settings, framing: Framing, undo: ExitStack) -> Parts:
    """Everything that the pages stand on."""
    writer = SaleWriter(settings, framing)
    undo.callback(writer.close)
    edges = {place: _edge(own, settings, client_id) for place, client_id in _clients(own).items()}
    for edge in edges.values():
        undo.callback(edge.close)
    sales = Sales(
        services=edges,
        writer=writer,
        book=OrderBook(own.orders_kept),
        memory=StreamMemory(own.orders_kept),
        shop_id=own.shop_id,
        currency=own.currency,
        now_ms=_now_ms,
    )
    return Parts(
        settings=own,
        sales=sales,
        # Without a till nobody asks.
        balances=BalanceChecks(edges.get(Place.TILL, edges[Place.STORE]), _now_ms),
        directory=AddressDirectory(own.orders_kept),
        box=MessageBox(),
        now_ms=_now_ms,
    )


def _clients(own: ShopSettings) -> dict[Place, str]:
    """As whom the shop asks; a store without a till need not know the till's secret."""
    clients = {Place.STORE: own.store_client_id}
    if own.shows_staff_pages():
        clients[Place.TILL] = own.till_client_id
    return clients


def _edge(own: ShopSettings, settings: Settings, client_id: str) -> Edge:
    verify = trusted(settings.tls_ca_location)
    credentials = ClientCredentials(
        own.required_token_url(), client_id, partial(own.client_secret, client_id), verify=verify
    )
    return Edge(own.edge_url, credentials, patience_s=own.patience_s, verify=verify)


def _let_go(parts: Parts) -> None:
    """Let no page wait for news that will not come."""
    parts.sales.memory.close()
    parts.box.arrivals.close()


def _now_ms() -> int:
    return time_ns() // 1_000_000
