"""What Lago shows of a customer only when it is asked for that one: its custom sections."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from django.utils.translation import gettext as _

from customers.lago.client import Json, LagoClient, LagoMissing, LagoRefused

# As many requests at a time: an account of a hundred thousand takes minutes, not hours.
_AT_ONCE = 4
_SHOWN = "applicable_invoice_custom_sections"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


class Details:
    """Completes the customers of a list; with `wanted` off, they stay as they were listed."""

    def __init__(self, client: LagoClient, *, wanted: bool = True) -> None:
        self._client, self._wanted = client, wanted
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lago")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def of(self, customers: Sequence[Json]) -> list[Json | None]:
        """Return the customers whole, in their order; None for one that is gone meanwhile.

        :raises LagoRefused: if Lago can't be asked.
        """
        if not self._wanted:
            return list(customers)
        return list(self._threads.map(self._whole, customers))

    def _whole(self, customer: Json) -> Json | None:
        if _SHOWN in customer:
            return customer
        if customer.get("skip_invoice_custom_sections"):
            return {**customer, _SHOWN: []}
        try:
            answer = self._client.get("customers", customer["external_id"])
        except LagoMissing:
            # Lago's routes do not reach every id; such a customer is taken as it was listed.
            return None if _PLAIN.fullmatch(customer["external_id"]) else customer
        found = answer.get("customer")
        if not isinstance(found, dict) or found.get("external_id") != customer["external_id"]:
            raise LagoRefused(
                _("Asked for the customer %s, Lago answers something else.")
                % customer["external_id"]
            )
        return found
