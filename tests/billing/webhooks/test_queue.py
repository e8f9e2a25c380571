"""What the statements of the queue read."""

import pytest
from django.db import connection

from billing.webhooks import queue
from billing.webhooks.calls import Answer
from billing.webhooks.queue import Result
from tests.billing.builders import make_webhook_endpoint

EVENTS = 400


@pytest.fixture
def planned_while_empty(organization):
    """Have all statements planned for tables that the planner knows to be empty."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_event, billing_delivery, billing_attempt")
    work_once()


def work_once():
    """Spread, claim and settle; return how many deliveries that were."""
    queue.spread()
    claims = queue.claim()
    queue.settle([Result(claim, Answer(1, 200)) for claim in claims])
    return len(claims)


def rows_read():
    """Return how many rows of the queue this transaction has read."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
            WHERE relname IN ('billing_event', 'billing_delivery', 'billing_attempt')
        """)
        return cursor.fetchone()[0]


class TestQueue:
    def test_reads_what_it_works_on_by_plans_made_while_empty(
        self, planned_while_empty, organization, happen
    ):
        """Seen to fail with joins for the look-ups of claim.sql, and with the words of the index of
        those that wait in settle.sql.
        """
        endpoint = make_webhook_endpoint(organization)
        for _ in range(EVENTS):
            happen(endpoint)
        queue.spread()
        before = rows_read()

        done = work_once()

        assert done == queue.SHARE
        assert rows_read() - before < 10 * queue.SHARE
