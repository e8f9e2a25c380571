"""What the form asks while somebody types."""

from django.http import (
    HttpRequest,
    JsonResponse,
)

from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from customers.addresses import address_form
from customers.admin.edit.lookalikes import found_duplicates
from customers.admin.edit.steps import uuid_of
from customers.admin.form import example
from customers.advice import advice_for
from customers.countries import country_numbers


class AdvicePage(StaffPage):
    """Answers the form while somebody types: advice, and likely duplicates."""

    ability = Ability.EDIT_CUSTOMERS
    title = ""
    section = "customers"

    def post(self, request: HttpRequest) -> JsonResponse:
        """Return what looks mistaken and who may be the same, for the values sent."""
        values = request.POST.dict()
        exclude = uuid_of(values.get("customer"))
        found = found_duplicates(self.workplace.organization.pk, values, exclude)
        return JsonResponse(
            {
                "advice": {one.field: one.sentence for one in advice_for(values)},
                "duplicates": found,
            }
        )


class CountryPage(StaffPage):
    """Answers how a country's customers are filled in."""

    ability = Ability.EDIT_CUSTOMERS
    title = ""
    section = "customers"

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return labels, order, required parts and examples for the country asked for."""
        country = request.GET.get("country")
        form, numbers = address_form(country), country_numbers(country)
        named = {"tax_identification_number": numbers.tax, "legal_number": numbers.legal}
        return JsonResponse(
            {
                "order": form.order,
                "labels": {name: str(label) for name, label in form.labels.items()},
                "required": sorted(form.required),
                "numbers": {name: [str(number.label)] for name, number in named.items()},
                "hints": {
                    name: example(found)
                    for name, found in (
                        *form.examples.items(),
                        *((name, number.example) for name, number in named.items()),
                    )
                },
            }
        )
