"""What the demo holds: an organization, its staff, some dozens of customers and one API key."""

import os
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.db import transaction

from billing.api.keys import create_api_key, hash_key
from billing.api.models import ApiKey
from billing.events.actor import SETUP, Actor
from billing.models import ChangeRecord, Organization
from billing.setup.apply import apply_setup
from billing.staff.workplace import staff_actor
from customers.change import CustomerChange
from customers.write import write_customers

_FILES = Path(settings.BASE_DIR) / "demo"
_KEY_NAME = "Demo"


def load_demo() -> dict[str, Any]:
    """Set the demo up if it is not there, and return what a newcomer needs to try it.

    What is there is left as it is: people may have changed it.
    """
    setup = (_FILES / "setup.yaml").read_text()
    described = yaml.safe_load(setup)["organizations"][0]
    with transaction.atomic():
        organization = Organization.objects.filter(slug=described["code"]).first()
        if organization is None:
            apply_setup(setup)
            organization = Organization.objects.get(slug=described["code"])
            _write_customers(organization)
            _write_history(organization)
        key = _kept_key(organization) or _new_key(organization)
    return {
        "api_key": key,
        "organization": organization.name,
        "organization_id": str(organization.pk),
        "staff": [
            {"email": one["email"], "password": one["password"]} for one in described["staff"]
        ],
    }


def _write_customers(organization: Organization) -> None:
    wishes = yaml.safe_load((_FILES / "customers.yaml").read_text())
    # Lists begin with the newest: what stands first in the file is written last.
    changes = [CustomerChange.read(wish) for wish in reversed(wishes)]
    write_customers(organization.pk, changes, SETUP)


def _write_history(organization: Organization) -> None:
    """Have the customers changed by several, so that a newcomer finds a timeline to read."""
    people = {
        one.user.get_username(): one.user for one in organization.memberships.select_related("user")
    }
    for step in yaml.safe_load((_FILES / "history.yaml").read_text()):
        if step["door"] == ChangeRecord.Door.STAFF:
            actor = staff_actor(people[step["who"]], step["why"])
        else:
            actor = Actor(ChangeRecord.Door(step["door"]), step["who"])
        write_customers(organization.pk, [CustomerChange.read(step["change"])], actor)


def _key_file() -> Path:
    """Return where the key stays in clear: it opens nothing but a demo."""
    return Path(settings.DATA_DIR) / "demo-api-key"


def _kept_key(organization: Organization) -> str | None:
    """Return the key of an earlier start, None if it is lost or doesn't work any more."""
    try:
        key = _key_file().read_text().strip()
    except FileNotFoundError:
        return None
    keys = ApiKey.objects.filter(
        organization=organization, expires_at=None, permissions__isnull=True
    )
    return key if keys.filter(key_hash=hash_key(key)).exists() else None


def _new_key(organization: Organization) -> str:
    _, key = create_api_key(organization, _KEY_NAME)
    file = _key_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(f"{key}\n")
    aside.rename(file)
    return key
