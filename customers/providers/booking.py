"""What the adapters of accounting programs share."""

from typing import Any

from customers.models import Customer
from customers.providers.adapter import ADDRESS, COMPARED, CONTACT, Adapter, Body, Retries, Subject
from customers.providers.failures import Refused
from customers.providers.rest import Answer


class BookingAdapter(Adapter):
    """An account at an accounting program."""

    reads = True
    told_the_first = frozenset({"email", "phone"})
    told_of = CONTACT | {"legal_name", "customer_type", "account_type"}
    # Limits are by the minute and by the day; the last waits reach over a day.
    retries = Retries(attempts=3, throttled=25, delays=(10, 60, 300, 900, 3_600))

    def needed(self, name: str) -> str:
        """Return a setting of the connection.

        :raises Refused: if it has none.
        """
        found: str | None = self.setting(name)
        if not found:
            raise Refused(
                f"The connection {self.connection.code} has no {name}: enter it on its page.",
                f"{name}_missing",
            )
        return found

    def check_name(self, body: Body) -> None:
        """Refuse a customer without a name before the program does.

        :raises Refused: if it has none.
        """
        if not body.keys() & {"name", "firstname", "lastname"}:
            raise Refused(
                f"The customer has no name, and {self.name} takes none without: enter one.",
                "name_missing",
            )

    def misshapen(self, remote_id: str) -> Refused:
        """Return the refusal of an id that can't be one of this program's."""
        return Refused(
            f"“{remote_id[:100]}” is no id that {self.name} gives: mend it in the link.",
            "id_is_invalid",
        )


def contact_of(subject: Subject) -> Body:
    """Return e-mail and phone, of lists the first, and the billing address; None where blank."""
    customer = subject.customer
    return {
        "email": _first(customer.email),
        "phone": _first(customer.phone),
        **{name: getattr(customer, name) for name in ADDRESS},
    }


def person_of(customer: Customer) -> str:
    """Return first and last name as one."""
    return " ".join(part for part in (customer.firstname, customer.lastname) if part)


def filled(body: Body) -> Body:
    """Return the fields of a body that are not blank."""
    return {key: value for key, value in body.items() if value}


def compared(found: Body) -> Body:
    """Return of what a program has the fields that can be shown beside ours, as texts."""
    return {
        key: value
        for key, value in found.items()
        if key in COMPARED and isinstance(value, str) and value
    }


def rows_of(answer: Answer, key: str) -> list[dict[str, Any]]:
    """Return the objects in a list of an answer; [] where there is no such list."""
    rows = answer.table().get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _first(text: str | None) -> str:
    return (text or "").split(",")[0].strip()
