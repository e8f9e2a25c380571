"""What a Prometheus is told of the work behind the requests: jobs, webhooks, providers."""

import secrets
from collections.abc import Iterable
from http import HTTPStatus

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_NAMES = {
    "tarn_jobs": ("gauge", "Jobs by queue and state."),
    "tarn_oldest_job_seconds": ("gauge", "How long the first job that is due waits already."),
    "tarn_deliveries_waiting": ("gauge", "Webhooks on their way, by state."),
    "tarn_endpoints_paused": ("gauge", "Webhook endpoints that are paused, by reason."),
    "tarn_mirrors_unfinished": ("gauge", "Customers not up to date at a connection, by state."),
    "tarn_changes_waiting": ("gauge", "Changes and events that nobody has seen to yet, by kind."),
    "tarn_oldest_change_seconds": ("gauge", "How long the first of them waits already, by kind."),
    "tarn_provider_events_unhandled": ("gauge", "Notices of providers, by state."),
    "tarn_delivery_attempts_total": ("counter", "Calls of webhook endpoints, by outcome."),
    "tarn_provider_calls_total": ("counter", "Calls of providers, by type and outcome."),
}
# Every row: the metric, its labels, its value. Each part reads an index of what is unfinished.
_STATEMENT = """
SELECT 'tarn_jobs', json_build_object('queue', queue_name, 'state', status), count(*)::float8
FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed') GROUP BY queue_name, status
UNION ALL
SELECT 'tarn_oldest_job_seconds', json_build_object('queue', first.queue_name),
    extract(epoch FROM now() - least(first.scheduled_at, told.at))::float8
FROM (
    SELECT queue_name, min(scheduled_at) AS scheduled_at,
        min(id) FILTER (WHERE scheduled_at IS NULL) AS id
    FROM procrastinate_jobs WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()
    GROUP BY queue_name
) first
LEFT JOIN procrastinate_events told ON told.job_id = first.id AND told.type = 'deferred'
UNION ALL
SELECT 'tarn_deliveries_waiting', json_build_object('state', status), count(*)
FROM billing_delivery WHERE status IN ('pending', 'retrying') GROUP BY status
UNION ALL
SELECT 'tarn_endpoints_paused', json_build_object('reason', pause_reason), count(*)
FROM billing_webhookendpoint WHERE paused_at IS NOT NULL GROUP BY pause_reason
UNION ALL
SELECT 'tarn_mirrors_unfinished', json_build_object('state', state), count(*)
FROM customers_mirror WHERE state = 'failed' OR NOT todo = '{}' GROUP BY state
UNION ALL
SELECT metric.name, json_build_object('kind', waiting.kind), metric.value
FROM (
    SELECT 'mirror' AS kind, count(*) AS number, min(at) AS first FROM customers_mirrorchange
    UNION ALL
    SELECT 'webhook', count(*), min(created_at) FROM billing_event WHERE spread_at IS NULL
) waiting
CROSS JOIN LATERAL (VALUES
    ('tarn_changes_waiting', waiting.number::float8),
    ('tarn_oldest_change_seconds', extract(epoch FROM now() - waiting.first)::float8)
) AS metric (name, value)
WHERE waiting.number > 0
UNION ALL
SELECT 'tarn_provider_events_unhandled', json_build_object('state', state), count(*)
FROM customers_providerevent WHERE state IN ('waiting', 'failed') GROUP BY state
UNION ALL
SELECT CASE name WHEN 'delivery' THEN 'tarn_delivery_attempts_total'
            ELSE 'tarn_provider_calls_total' END,
    json_build_object('kind', kind, 'outcome', outcome), number
FROM billing_tally
"""


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all of them, to who has the token; without a token there is no such page."""
    token = settings.TARN_METRICS_TOKEN
    if not token:
        raise Http404
    if not _may(request.headers.get("Authorization", ""), token):
        answer = HttpResponse(status=HTTPStatus.UNAUTHORIZED)
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT)
        found = cursor.fetchall()
    text = "\n".join([*_lines(found), ""])
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _may(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), token.encode())


def _lines(rows: Iterable[tuple[str, dict[str, str | None], float]]) -> Iterable[str]:
    by_name: dict[str, list[str]] = {name: [] for name in _NAMES}
    for name, labels, value in rows:
        inner = ",".join(f'{key}="{_escaped(one)}"' for key, one in labels.items())
        by_name[name].append(f"{name}{{{inner}}} {value:.15g}")
    for name, lines in by_name.items():
        kind, words = _NAMES[name]
        yield f"# HELP {name} {words}"
        yield f"# TYPE {name} {kind}"
        yield from lines


def _escaped(value: str | None) -> str:
    return (value or "").replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
