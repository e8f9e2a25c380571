"""Making a new customer."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.models import BillingEntity
from billing.staff.workplace import workplace
from customers.admin.edit.steps import FormPage
from customers.admin.form import CustomerForm, NewCustomerForm
from customers.admin.values import path_of
from customers.models import Customer
from customers.review import Line
from customers.words import label


class AddPage(FormPage):
    """A new customer: little is asked for at first."""

    title = lazy("New customer")

    def dispatch(self, request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        """Start with an empty customer of the organization."""
        self.customer = Customer(organization=workplace(request).organization)
        return super().dispatch(request, *args, **values)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the empty form."""
        return self.show_form(self.form())

    def post(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Do the next step, unless the person works elsewhere by now."""
        if request.POST.get("organization") != str(self.workplace.organization.pk):
            form = self.form(request.POST)
            form.leave_unjudged()
            form.add_error(None, other_organization())
            return self.show_form(form, 409)
        return super().post(request)

    def form(self, data: QueryDict | None = None) -> CustomerForm:
        """Return the form, with what was typed."""
        organization = self.workplace.organization
        entities = BillingEntity.objects.filter(organization=organization, is_default=True)
        return NewCustomerForm(
            data,
            instance=self.customer,
            actor=self.workplace.actor(),
            initial={
                "organization": organization.pk,
                "billing_entity_code": entities.values_list("code", flat=True).first(),
                "account_type": Customer.AccountType.CUSTOMER,
                "finalize_zero_amount_invoice": Customer.FinalizeZeroAmountInvoice.INHERIT,
            },
        )

    def home(self) -> str:
        """Return the list."""
        return reverse("admin:customers_customer_changelist")

    def frame(self, form: CustomerForm) -> dict[str, Any]:
        """Return what this page says around the form."""
        taken = form.owner() if "external_id" in form.errors else None  # type: ignore[attr-defined]
        return {
            "owner": taken,
            "draft": f"{self.request.user.pk}:new:{self.workplace.organization.pk}",
        }

    def show_review(self, form: CustomerForm, problem: str = "") -> HttpResponse:
        """Create at once, unless there is something to look at first."""
        if self.request.POST.get("step", "review") == "review" and not (
            self.duplicates(form) or self.advice(form)
        ):
            return self.write(form, self.request.POST.get("reason", "").strip())
        return super().show_review(form, problem)

    def lines(self, form: CustomerForm, diff: dict[str, Any]) -> list[Any]:
        """Return what was filled in; what the writer adds by itself goes without saying."""
        typed = {path_of(name) for name in form.edited()}
        wanted = {path: both for path, both in diff.items() if path in typed}
        external_id = form.cleaned_data["external_id"]
        first = Line("external_id", label("external_id"), [], [external_id], "")
        return [first, *super().lines(form, wanted)]

    def asks_reason(self, diff: Iterable[str]) -> bool:
        """Ask for none: that somebody is new explains itself."""
        return False

    def saved(self, customer_id: UUID, changed: int) -> HttpResponse:
        """Show the new customer."""
        customer = Customer.objects.get(organization=self.workplace.organization, pk=customer_id)
        messages.success(self.request, _("%(name)s was created.") % {"name": str(customer)})
        return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer_id]))


def other_organization() -> str:
    """Return the sentence for a form that was opened in another organization."""
    return _(
        "You work in another organization than when you opened this form. Nothing was saved: "
        "switch back at the top, or send it again to create the customer here."
    )
