"""The end of a customer, and the way back, each after a look at what that means."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.errors import Invalid, NotAllowed, NotFound, Refusal, Stale
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from customers.admin.portrait import Portrait
from customers.admin.reading import CustomerPage
from customers.delete import delete_customer
from customers.models import Customer
from customers.restore import restore_customers
from customers.write import Precondition, RefusedBatch

_REASON_LENGTH = 1_000


class Delete(CustomerPage):
    """Deleting a customer."""

    ability = Ability.DELETE_CUSTOMERS
    template_name = "admin/customers/delete.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show what hangs on the customer."""
        self.find(customer_id)
        return self._preview()

    def post(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Delete the customer that was shown, and return to the list."""
        self.find(customer_id)
        if self.now.is_deleted:
            messages.info(request, _("This customer is deleted already."))
            return HttpResponseRedirect(self.link("admin:customers_customer_change"))
        as_seen = Precondition(if_match=(request.POST.get("tag", ""),))
        actor = self.workplace.actor(_reason(request))
        try:
            delete_customer(
                self.customer.organization_id, self.customer.external_id, actor, as_seen
            )
        except (Stale, NotFound):
            self.find(customer_id)
            return self._preview(sentence("customer", "changed_meanwhile"))
        words = _("%(customer)s was deleted. It can be restored at any time.")
        messages.success(request, words % {"customer": self.customer})
        return HttpResponseRedirect(self.link("admin:customers_customer_change"))

    def _preview(self, problem: str | None = None) -> HttpResponse:
        portrait = Portrait.of(self.customer.organization_id, self.now.values)
        return self.show(
            status=422 if problem else 200,
            problem=problem,
            hanging=portrait.links(),
            notes=len(portrait.values["metadata"]),
        )


class Restore(CustomerPage):
    """Restoring a deleted customer."""

    ability = Ability.RESTORE
    template_name = "admin/customers/restore.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show what comes back, and what is in the way."""
        self.find(customer_id)
        return self._preview()

    def post(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Restore the customer, and show it."""
        self.find(customer_id)
        actor = self.workplace.actor(_reason(request))
        try:
            restore_customers(self.customer.organization_id, [customer_id], actor)
        except RefusedBatch as refused:
            return self._preview(refused.refusals[0])
        messages.success(request, _("%(customer)s was restored.") % {"customer": self.customer})
        return HttpResponseRedirect(self.link("admin:customers_customer_change"))

    def _preview(self, refusal: Refusal | None = None) -> HttpResponse:
        owner = self._owner()
        return self.show(
            status=422 if refusal else 200,
            problem=_restore_problem(refusal),
            owner=owner,
            owner_link=reverse("admin:customers_customer_change", args=[owner.pk]) if owner else "",
        )

    def _owner(self) -> Customer | None:
        """Return the customer that has the external id now."""
        kept: Any = Customer.objects.kept().filter(
            organization=self.customer.organization_id, external_id=self.customer.external_id
        )
        found: Customer | None = kept.exclude(pk=self.customer.pk).first()
        return found


def _reason(request: HttpRequest) -> str | None:
    return request.POST.get("reason", "").replace("\0", "").strip()[:_REASON_LENGTH] or None


def _restore_problem(refusal: Refusal | None) -> str | None:
    match refusal:
        case None | Invalid():
            # The page names who has the external id.
            return None
        case NotAllowed():
            return sentence("customer", refusal.code)
        case _:
            return sentence("customer", "customer_not_found")
