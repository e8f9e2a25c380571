import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from billing.models import Event
from tests.billing.builders import make_organization
from tests.billing.webhooks.receiver import receiver


@pytest.fixture
def there(settings):
    """Somebody on this machine who is told."""
    settings.TARN_WEBHOOK_ALLOW_LOCAL = True
    with receiver() as found:
        yield found


@pytest.fixture
def organization(db):
    return make_organization()


@pytest.fixture
def happen(organization) -> Callable[..., Event]:
    """Put an event into the table, as the writer does."""

    def happen(*endpoints, customer=None, **snapshot):
        return Event.objects.create(
            organization=organization,
            event_type="customer.created",
            object_type="customer",
            object_id=customer or uuid4(),
            snapshot=json.dumps({"lago_id": "x", "taxes": [], "metadata": []} | snapshot),
            endpoint_ids=[endpoint.pk for endpoint in endpoints],
        )

    return happen
