"""People of the back office with their browsers, and what they read on a page."""

import re
from html import unescape
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client

from billing.models import ChangeRecord, Membership, Organization

_numbers = count(1)


def sign_in(*organizations: Organization, role: str = "finance", **values: Any) -> Client:
    """Make a person with this role in these organizations, and return their browser."""
    user = get_user_model().objects.create_user(
        username=f"{role}{next(_numbers)}@acme.test", is_staff=True, **values
    )
    for organization in organizations:
        Membership.objects.create(organization=organization, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    """Return a page without its tags."""
    return unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))


def records() -> int:
    """Return how many changes were recorded."""
    return ChangeRecord.objects.count()


def sent_by(client: Client, address: str) -> dict[str, Any]:
    """Return the form as a browser sends it when nothing was edited."""
    form = client.get(address).context["adminform"].form
    values = {bound.html_name: bound.value() for bound in form}
    return {
        name: "on" if value is True else value
        for name, value in values.items()
        if value not in (None, False)
    }
