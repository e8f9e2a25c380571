"""What the ground floor holds, and the promise that a refusal leaves it as it was."""

from typing import Any

from django.apps import apps
from django.db.models import Model

from billing.events.models import ChangeRecord
from tests.conftest import Client


def _models() -> list[type[Model]]:
    return [model for model in apps.get_app_config("billing").get_models() if model._meta.managed]


def everything() -> dict[str, list[Any]]:
    """Return all rows of the ground floor; when a key was last used doesn't count."""
    rows = {}
    for model in _models():
        names = [one.attname for one in model._meta.concrete_fields if one.name != "last_used_at"]
        rows[model.__name__] = list(model.objects.order_by("pk").values(*names))
    return rows


def refused(api: Client, method: str, target: str, body: Any, status: int = 422) -> Any:
    """Return the body of a refusal that left no trace; of a 422 the problems alone."""
    before = everything()
    answer = api.request(method, target, json=body)
    assert answer.status == status, answer.body
    assert everything() == before
    found = answer.json()
    if status != 422:
        return found
    assert found.keys() == {"status", "error", "code", "error_details"}
    assert (found["status"], found["code"]) == (422, "validation_errors")
    return found["error_details"]


def done(api: Client, method: str, target: str, body: Any = None) -> Any:
    """Return the body of an answer that must be a success."""
    answer = api.request(method, target, json=body)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def records() -> list[tuple[str, str, dict[str, Any]]]:
    """Return resource, action and changes of every change record, oldest first."""
    found = ChangeRecord.objects.order_by("id")
    return [(record.resource, record.action, record.changes) for record in found]
