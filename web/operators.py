"""For those who run the server: is it alive, is it ready, what has it done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_request_context, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runtime.errors import NotFound
from runtime.outbox_list import standing
from web.access import home
from web.api.shapes import answer


class Outboxes(Collector):
    """What has not left each app yet, asked of its database whenever somebody looks: the same from every worker."""

    def collect(self) -> Iterator[Metric]:
        """Messages by channel and state, and how long the oldest that may leave has waited."""
        counted = GaugeMetricFamily("dougong_outbox_messages", "Messages not sent", labels=("app", "channel", "state"))
        late = GaugeMetricFamily("dougong_outbox_late_seconds", "Age of the oldest one that is due", labels=("app",))
        for name in home().names() if has_request_context() else ():
            try:
                app = home().get(name)
                with app.database.read() as connection:
                    messages, seconds = standing(app, connection, datetime.now(UTC))
            except (DBAPIError, NotFound):  # a database that does not answer is told by /readyz; the others count on
                continue
            for channel, state, number in messages:
                counted.add_metric((name, channel, state), number)
            late.add_metric((name,), seconds)
        yield counted
        yield late


class Meters:
    """Figures of one server, kept with its application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(Outboxes())
        labels = ("endpoint", "method", "status")
        self.requests = Counter("dougong_requests", "Requests answered", labels, registry=self.registry)
        self.seconds = Histogram("dougong_request_seconds", "Time to answer", ("endpoint",), registry=self.registry)
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def of(self, endpoint: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """The figures of one kind of answer; looking them up by their labels takes longer than counting."""
        key = (endpoint, method, status)
        found = self._known.get(key)
        if found is None:
            counter = self.requests.labels(endpoint, method, str(status))
            found = self._known[key] = counter, self.seconds.labels(endpoint)
        return found


def healthz() -> Response:
    """The process answers."""
    return answer({"status": "ok"})


def readyz() -> Response:
    """The databases answer too."""
    try:
        apps = home().names()
        for name in apps[:1]:
            with home().get(name).database.read() as connection:
                connection.execute(text("SELECT 1"))
    except (DBAPIError, NotFound) as error:
        return answer({"status": "not ready", "reason": type(error).__name__}, 503)
    return answer({"status": "ready", "apps": len(apps)})


def register(app: Flask) -> None:
    """Attach the addresses and count every request."""
    meters = Meters()

    def metrics() -> Response:
        return Response(generate_latest(meters.registry), content_type=CONTENT_TYPE_LATEST)

    def begin() -> None:
        g.began = time.perf_counter()

    def count(response: Response) -> Response:
        requests, seconds = meters.of(request.endpoint or "unknown", request.method, response.status_code)
        requests.inc()
        began: Any = g.get("began")
        if began is not None:
            seconds.observe(time.perf_counter() - began)
        return response

    app.before_request(begin)
    app.after_request(count)
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)
