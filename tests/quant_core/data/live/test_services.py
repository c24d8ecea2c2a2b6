"""Sources that ask a service, against recorded answers of a server on this machine."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests
from requests.adapters import HTTPAdapter

from quant_core.clock import VirtualClock, use_clock
from quant_core.data import CcxtConfig, DataConfig, YahooConfig, ingest, open_source
from quant_core.data._ccxt import CcxtSource
from quant_core.data._yahoo import YahooSource
from quant_core.errors import ConfigError, DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    type Answer = Callable[[str, dict[str, str]], tuple[int, Any]]

NOW = datetime(2024, 1, 10, 15, tzinfo=UTC)
DAY = 86_400


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


class _Recorded(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.asked.append((url.path, asked))
        status, body = self.server.answer(url.path, asked)
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    answer: Answer
    asked: list[tuple[str, dict[str, str]]]


class _Redirected(HTTPAdapter):
    """Send every question to a port of this machine, whatever host it names."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: Any, **options: Any) -> Any:
        url = urlsplit(request.url)
        request.url = url._replace(scheme="http", netloc=f"127.0.0.1:{self._port}").geturl()
        return super().send(request, **{**options, "proxies": {}})


@pytest.fixture
def server() -> Iterator[_Server]:
    found = _Server(("127.0.0.1", 0), _Recorded)
    found.asked = []
    thread = threading.Thread(target=found.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def session(server: _Server) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        for scheme in ("http://", "https://"):
            made.mount(scheme, _Redirected(server.server_address[1]))
        yield made


@pytest.fixture
def virtual() -> Iterator[VirtualClock]:
    with use_clock(VirtualClock(NOW)) as found:
        yield found


MARKETS = [
    {
        "name": f"{base}/USD",
        "market_symbol": f"{base.lower()}usd",
        "base_currency": base,
        "base_decimals": 8,
        "counter_currency": "USD",
        "counter_decimals": 0,
        "minimum_order_value": "10",
        "trading": "Enabled",
        "instant_order_counter_decimals": 2,
        "instant_and_market_orders": "Enabled",
        "description": f"{base} / U.S. dollar",
        "market_type": "SPOT",
    }
    for base in ("BTC", "ETH")
]


def bars(path: str, asked: dict[str, str], *, listed: int = 0) -> tuple[int, Any]:
    """Answer as Bitstamp documents ``/api/v2/markets`` and ``/api/v2/ohlc/{pair}``."""
    if "/ohlc/" not in path:
        return 200, MARKETS
    start, end = int(asked["start"]), int(asked["end"])
    stamps = range(max(-(-start // DAY) * DAY, listed), end, DAY)
    found = [
        {
            "timestamp": str(stamp),
            "open": "1",
            "high": "3",
            "low": "1",
            "close": str(100 + stamp // DAY % 10),
            "volume": "2.5",
        }
        for stamp in list(stamps)[: int(asked["limit"])]
    ]
    return 200, {"data": {"pair": path.rsplit("/", 2)[1], "ohlc": found}}


def crypto(session: requests.Session, *symbols: str, retries: int = 2) -> CcxtSource:
    config = CcxtConfig(exchange="bitstamp", symbols=symbols or ("BTC/USD",), retries=retries)
    return CcxtSource(config, session)


def test_bars_of_an_exchange(
    server: _Server, session: requests.Session, virtual: VirtualClock
) -> None:
    server.answer = bars
    found = crypto(session, "ETH/USD", "BTC/USD").read(day("2024-01-06"))
    assert found.symbols == ("BTC/USD", "ETH/USD")
    days = found.dates[:, 0].astype("datetime64[D]").astype(str).tolist()
    # Today's bar is not complete.
    assert days == ["2024-01-06", "2024-01-07", "2024-01-08", "2024-01-09"] * 2
    stamp = int(np.datetime64("2024-01-06").astype(int))
    assert found.values[:4, 0].tolist() == [100.0 + (stamp + n) % 10 for n in range(4)]
    assert found.volume is not None
    assert set(found.volume[:, 0].tolist()) == {2.5}
    assert (found.kind, found.origin) == ("prices", "ccxt bitstamp")
    assert virtual.now() == NOW


def test_a_long_history_comes_in_pages(
    server: _Server, session: requests.Session, virtual: VirtualClock
) -> None:
    del virtual
    server.answer = bars
    found = crypto(session).read(day("2019-01-01"), day("2024-01-01"))
    assert len(found.dates) == 1826
    assert (np.diff(found.dates[:, 0]) == np.timedelta64(1, "D")).all()


def test_nothing_before_the_first_trade(
    server: _Server, session: requests.Session, virtual: VirtualClock
) -> None:
    del virtual
    listed = int(np.datetime64("2023-06-01").astype(int)) * DAY
    server.answer = lambda path, asked: bars(path, asked, listed=listed)
    found = crypto(session).read(day("2018-01-01"), day("2023-06-04"))
    assert found.dates[0, 0] == day("2023-06-01")
    assert len(found.dates) == 3


def test_a_moment_of_failure_is_waited_out(
    server: _Server, session: requests.Session, virtual: VirtualClock
) -> None:
    failures = iter([503, 500])

    def answer(path: str, asked: dict[str, str]) -> tuple[int, Any]:
        status = next(failures, 200)
        return (status, "busy") if status != 200 else bars(path, asked)

    server.answer = answer
    assert len(crypto(session).read(day("2024-01-08")).dates) == 2
    assert (virtual.now() - NOW).total_seconds() == 3


def test_retries_end(server: _Server, session: requests.Session, virtual: VirtualClock) -> None:
    server.answer = lambda *_: (503, "busy")
    with pytest.raises(SourceError, match=r"ccxt bitstamp, BTC/USD: no answer in 3 attempts"):
        crypto(session).read(day("2024-01-08"))
    assert len(server.asked) == 3
    assert (virtual.now() - NOW).total_seconds() == 3


def test_an_unknown_market_is_not_asked_again(
    server: _Server, session: requests.Session, virtual: VirtualClock
) -> None:
    server.answer = bars
    with pytest.raises(DataError, match=r"ccxt bitstamp: no market DOGE/USD"):
        crypto(session, "DOGE/USD").read(day("2024-01-08"))
    assert virtual.now() == NOW


def test_an_unknown_exchange() -> None:
    source = CcxtSource(CcxtConfig(exchange="nowhere", symbols=("BTC/USD",)))
    with pytest.raises(ConfigError, match="ccxt knows no exchange 'nowhere'"):
        source.read(day("2024-01-08"))


def chart(path: str, _: dict[str, str]) -> tuple[int, Any]:
    """Answer as Yahoo's ``/v8/finance/chart/{symbol}``; closes of three sessions in New York."""
    if "/quoteSummary/" in path or "/v7/" in path:
        error = {"code": "Not Found", "description": "Quote not found"}
        empty = {"result": None, "error": error}
        return 404, {"quoteSummary": empty, "quoteResponse": {"result": [], "error": error}}
    if "/chart/" not in path:
        return 200, "crumb"
    symbol = path.rsplit("/", 1)[1]
    if symbol == "GONE":
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return 404, {"chart": {"result": None, "error": error}}
    first = int(np.datetime64("2024-01-03T14:30:00").astype(int))
    stamps = [first, first + DAY, first + 2 * DAY]
    quote = {name: [10.0, 11.0, None] for name in ("open", "high", "low", "close")}
    meta = {
        "currency": "USD",
        "symbol": symbol,
        "exchangeName": "NYQ",
        "instrumentType": "EQUITY",
        "firstTradeDate": 0,
        "regularMarketTime": stamps[-1] + 23_400,
        "gmtoffset": -18_000,
        "timezone": "EST",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": 11.0,
        "priceHint": 2,
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "max"],
        "currentTradingPeriod": {
            name: {"timezone": "EST", "start": 0, "end": 1, "gmtoffset": -18_000}
            for name in ("pre", "regular", "post")
        },
    }
    result = {
        "meta": meta,
        "timestamp": stamps,
        "indicators": {
            "quote": [{**quote, "volume": [100, 200, None]}],
            "adjclose": [{"adjclose": [9.0, 10.0, None]}],
        },
    }
    return 200, {"chart": {"result": [result], "error": None}}


@pytest.fixture
def yahoo(
    session: requests.Session, tmp_path: Path, virtual: VirtualClock
) -> Callable[..., YahooSource]:
    del virtual
    import yfinance

    # Its caches would lie in the home folder.
    yfinance.set_tz_cache_location(str(tmp_path))

    def made(*symbols: str, **fields: Any) -> YahooSource:
        return YahooSource(YahooConfig(symbols=symbols, retries=1, **fields), session)

    return made


def test_closes_of_yahoo(server: _Server, yahoo: Callable[..., YahooSource]) -> None:
    server.answer = chart
    found = yahoo("SPY").read(day("2024-01-03"), day("2024-01-06"))
    days = found.dates[:, 0].astype("datetime64[D]").astype(str).tolist()
    assert days == ["2024-01-03", "2024-01-04", "2024-01-05"]
    np.testing.assert_array_equal(found.values[:, 0], [9.0, 10.0, np.nan])
    np.testing.assert_array_equal(found.volume, [[100.0], [200.0], [0.0]])
    plain = yahoo("SPY", adjusted=False).read(day("2024-01-03"), day("2024-01-06"))
    np.testing.assert_array_equal(plain.values[:, 0], [10.0, 11.0, np.nan])


def test_a_symbol_that_yahoo_does_not_know(
    server: _Server, yahoo: Callable[..., YahooSource]
) -> None:
    server.answer = chart
    with pytest.raises(DataError, match="Yahoo Finance: no prices of GONE from 2024-01-03"):
        yahoo("GONE").read(day("2024-01-03"), day("2024-01-06"))


def test_a_yahoo_that_asks_to_slow_down(server: _Server, yahoo: Callable[..., YahooSource]) -> None:
    server.answer = lambda *_: (429, "Too Many Requests")
    with pytest.raises(SourceError, match="no answer in 2 attempts"):
        yahoo("SLOW").read(day("2024-01-03"), day("2024-01-06"))


def test_a_first_day_is_needed(yahoo: Callable[..., YahooSource]) -> None:
    with pytest.raises(DataError, match=r"data\.start: expected the first day to ask for"):
        yahoo("SPY").read()


def test_a_service_is_a_source_of_the_configuration(
    server: _Server, session: requests.Session, virtual: VirtualClock
) -> None:
    del virtual
    server.answer = bars
    fields = {"kind": "ccxt", "exchange": "bitstamp", "symbols": ["BTC/USD", "ETH/USD"]}
    data = DataConfig(source=fields, start="2024-01-01")
    assert open_source(data) == CcxtSource(CcxtConfig(**fields))
    found = ingest(crypto(session, "BTC/USD", "ETH/USD"), data)
    assert found.matrix.values.shape == (9, 2)
    assert found.traded is not None
    assert data.has_volume
