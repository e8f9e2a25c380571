"""Editing a customer: the form, its review, what to do if somebody else was faster."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from billing.errors import Refusal
from billing.models import BillingEntity
from billing.staff.forms import shown
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.site import switch_to
from billing.staff.workplace import organizations_of, workplace
from customers.addresses import address_form
from customers.admin.form import CustomerForm, NewCustomerForm, example, put_values, unit_of
from customers.admin.layout import Group, groups_of, labels_of
from customers.admin.values import path_of
from customers.advice import advice_for
from customers.countries import country_numbers
from customers.duplicates import likely_duplicates
from customers.history import Entry, timeline
from customers.listing import neighbors
from customers.models import Customer
from customers.review import Line, needs_reason, review_lines
from customers.search import CustomerQuery
from customers.submission import submit_once, submitted
from customers.words import label

# Fields of the pages around the form.
_STEPS = frozenset({"csrfmiddlewaretoken", "step", "token", "reason"})


class _FormPage(StaffPage):
    """What editing and creating share: form, review, save; each step posts all that was typed."""

    ability = Ability.EDIT_CUSTOMERS
    section = "customers"
    template_name = "admin/customers/edit.html"
    customer: Customer

    def form(self, data: QueryDict | None = None) -> CustomerForm:
        """Return the form, with what was typed."""
        raise NotImplementedError

    def home(self) -> str:
        """Return where one goes without saving."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Do the next step; nothing is saved but by the last one, and that once."""
        token = _uuid(request.POST.get("token"))
        done = submitted(self.workplace.organization.pk, token) if token else None
        if done is not None:
            return self.saved(done, 0)
        data = self.resolved(request.POST)
        form = self.form(data)
        if request.POST.get("step") == "edit":
            form.leave_unjudged()
            return self.show_form(form)
        if not form.is_valid():
            return self.show_form(form, status=422)
        if form.conflict is not None:
            return self.show_conflict(form)
        if request.POST.get("step", "").startswith("save"):
            return self.save(form)
        return self.show_review(form)

    def resolved(self, data: QueryDict) -> QueryDict:
        """Return what was typed, with what was chosen of a conflict put in."""
        return data

    def show_form(self, form: CustomerForm, status: int = 200) -> HttpResponse:
        """Show the form."""
        advice = {one.field: one.sentence for one in advice_for(form.typed())}
        groups = groups_of(form, advice)
        return self.render(
            status,
            form=form,
            groups=groups,
            problems=_problems(groups),
            customer=self.customer,
            home=self.home(),
            duplicates=self.duplicates(form) if form.is_bound else [],
            **self.frame(form),
        )

    def frame(self, form: CustomerForm) -> dict[str, Any]:
        """Return what this page says around the form."""
        return {}

    def render_as(self, template: str, status: int, **context: Any) -> HttpResponse:
        """Return the page by another template than the form's."""
        response = self.render(status, **context)
        response.template_name = f"admin/customers/{template}.html"
        return response

    def show_review(self, form: CustomerForm, problem: str = "") -> HttpResponse:
        """Show what saving would do."""
        diff = form.outcome.diff if form.outcome else {}
        if not diff:
            messages.info(self.request, _("Nothing was edited, so there is nothing to save."))
            return self.show_form(form)
        return self.render_as(
            "review",
            422 if problem else 200,
            lines=self.lines(form, diff),
            advice=self.advice(form),
            duplicates=self.duplicates(form),
            needs_reason=self.asks_reason(diff),
            reason=self.request.POST.get("reason", ""),
            problem=problem,
            token=self.request.POST.get("token") or uuid4(),
            **self.carried(form),
        )

    def lines(self, form: CustomerForm, diff: dict[str, Any]) -> list[Any]:
        """Return the lines of the review."""
        organization_id = self.workplace.organization.pk
        entity = form.initial.get("billing_entity_code") or next(iter(form.entity_names))
        country = form.cleaned_data.get("country")
        return review_lines(organization_id, diff, entity, country)

    def asks_reason(self, diff: Iterable[str]) -> bool:
        """Return whether the change has to be explained."""
        return needs_reason(list(diff))

    def carried(self, form: CustomerForm) -> dict[str, Any]:
        """Return what every page after the form shows and sends on."""
        data: Any = form.data if form.is_bound else QueryDict()
        typed = [
            (name, value) for name in data for value in data.getlist(name) if name not in _STEPS
        ]
        return {
            "form": form, "typed": typed, "customer": self.customer, "home": self.home(),
            "next": self.find_following() is not None,
        }  # fmt: skip

    def save(self, form: CustomerForm) -> HttpResponse:
        """Save what was reviewed; sent a second time, show what became of it."""
        reason = self.request.POST.get("reason", "").strip()
        if form.outcome is None or not form.outcome.diff:
            return self.show_review(form)
        if self.asks_reason(form.outcome.diff) and not reason:
            return self.show_review(form, _("Say in a few words why: the history keeps it."))
        return self.write(form, reason)

    def write(self, form: CustomerForm, reason: str) -> HttpResponse:
        """Write once, and go where the button says."""
        actor = self.workplace.actor(reason or None)
        token = _token(self.request.POST.get("token"))
        write = partial(_customer_of, form, actor)
        try:
            customer_id, is_new = submit_once(self.workplace.organization.pk, token, write)
        except Refusal as refusal:
            form.show(refusal)
            return self.show_form(form, 422) if form.conflict is None else self.show_conflict(form)
        changed = len(form.outcome.diff) if form.outcome else 0
        return self.saved(customer_id, changed if is_new else 0)

    def saved(self, customer_id: UUID, changed: int) -> HttpResponse:
        """Say what was saved, and go on."""
        raise NotImplementedError

    def show_conflict(self, form: CustomerForm) -> HttpResponse:
        """Show theirs beside mine."""
        raise NotImplementedError

    def find_following(self) -> UUID | None:
        """Return the next customer of the list that the person came from."""
        return None

    def advice(self, form: CustomerForm) -> list[dict[str, str]]:
        """Return the advice on what was edited, each with the field's label."""
        labels = labels_of(form)
        return [
            {"label": labels[one.field], "sentence": one.sentence}
            for one in advice_for(form.typed())
            if one.field in form.changed_data or "country" in form.changed_data
        ]

    def duplicates(self, form: CustomerForm) -> list[dict[str, Any]]:
        """Return the customers that may be the same one."""
        found = found_duplicates(self.workplace.organization.pk, form.typed(), self.customer.pk)
        edited = set(form.edited())
        if "legal_name" in edited:
            edited.add("name")
        return [one for one in found if edited.intersection(one["reasons"])]


class EditPage(_FormPage):
    """A customer in the form, grouped as people think."""

    title = lazy("Edit customer")

    def dispatch(self, request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        """Find the customer in the organizations of the person, the current one first."""
        place = workplace(request)
        found = _find(request, values["customer_id"])
        if found is None:
            raise Http404
        if found.organization_id != place.organization.pk:
            switch_to(request, found.organization)
        self.customer = found
        return super().dispatch(request, *args, **values)

    def get(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Show the form as the customer is now."""
        if self.customer.deleted_at is not None:
            return self.show_deleted(self.form())
        return self.show_form(self.form())

    def post(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Do the next step, unless the customer is gone."""
        if self.customer.deleted_at is not None:
            return self.show_deleted(self.form(request.POST))
        return super().post(request)

    def form(self, data: QueryDict | None = None) -> CustomerForm:
        """Return the form, with what was typed."""
        return CustomerForm(data, instance=self.customer, actor=self.workplace.actor())

    def home(self) -> str:
        """Return the page of the customer, within the list one came from."""
        return self._address("admin:customers_customer_change", self.customer.pk)

    def frame(self, form: CustomerForm) -> dict[str, Any]:
        """Return what this page says around the form."""
        return {
            "draft": f"{self.request.user.pk}:{self.customer.pk}",
        }

    def resolved(self, data: QueryDict) -> QueryDict:
        """Return what was typed; where theirs was chosen of a conflict, with theirs."""
        chosen = {
            name.removeprefix("choose-")
            for name, value in data.items()
            if name.startswith("choose-") and value == "theirs"
        }
        found = data.copy()
        for name in [name for name in found if name.startswith("choose-")]:
            del found[name]
        if not chosen:
            return found
        form = self.form(found)
        names = [name for name in form.fields if unit_of(name) in chosen]
        put_values(found, form, names, form.initial)
        if "metadata" in chosen:
            form.take_their_notes(found)
        return found

    def show_conflict(self, form: CustomerForm) -> HttpResponse:
        """Show theirs beside mine, field by field, with who changed it and when."""
        assert form.conflict is not None  # noqa: S101  # asked by the caller
        entries = timeline(self.workplace.organization.pk, self.customer.pk, limit=20)
        labels, theirs = labels_of(form), form.theirs
        rows = [
            _Both(
                clash.name,
                labels[clash.name],
                _words(form, clash.fields, theirs),
                _words(form, clash.fields, form.typed()),
                _last_change(entries, clash.fields),
            )
            for clash in form.conflict.both
        ]
        taken = [
            _Both(
                clash.name,
                labels[clash.name],
                _words(form, clash.fields, theirs),
                _words(form, clash.fields, form.seen_before),
                _last_change(entries, clash.fields),
            )
            for clash in form.conflict.taken
        ]
        return self.render_as("conflict", 409, rows=rows, taken=taken, **self.carried(form))

    def show_deleted(self, form: CustomerForm) -> HttpResponse:
        """Say that the customer is gone, and what can be done with what was typed."""
        entries = timeline(self.workplace.organization.pk, self.customer.pk, limit=1)
        return self.render_as("gone", 410, entry=next(iter(entries), None), **self.carried(form))

    def saved(self, customer_id: UUID, changed: int) -> HttpResponse:
        """Say what was saved, and go on to the customer or to the next one of the list."""
        words = ngettext(
            "Saved: %(count)s change to %(name)s.", "Saved: %(count)s changes to %(name)s.", changed
        )
        if not changed:
            words = _("This was saved already, once: %(name)s.")
        self.customer.refresh_from_db()
        messages.success(self.request, words % {"count": changed, "name": str(self.customer)})
        following = self.find_following() if self.request.POST.get("step") == "save_next" else None
        if following is None:
            return HttpResponseRedirect(self.home())
        return HttpResponseRedirect(self._address("admin:customers_customer_edit", following))

    def find_following(self) -> UUID | None:
        """Return the next customer of the list that the person came from."""
        came_from = self.request.GET.get("list")
        if came_from is None:
            return None
        query = CustomerQuery.read(self.workplace.organization.pk, QueryDict(came_from))
        return neighbors(query, self.customer)[1]

    def _address(self, name: str, customer_id: UUID) -> str:
        came_from = self.request.GET.get("list")
        query = QueryDict(mutable=True)
        if came_from is not None:
            query["list"] = came_from
        return reverse(name, args=[customer_id]) + (f"?{query.urlencode()}" if query else "")


class AddPage(_FormPage):
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


class AdvicePage(StaffPage):
    """Answers the form while somebody types: advice, and likely duplicates."""

    ability = Ability.EDIT_CUSTOMERS
    title = ""
    section = "customers"

    def post(self, request: HttpRequest) -> JsonResponse:
        """Return what looks mistaken and who may be the same, for the values sent."""
        values = request.POST.dict()
        exclude = _uuid(values.get("customer"))
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


class _Both(NamedTuple):
    """A row of the conflict: their value and another one, with who changed it last."""

    name: str
    label: str
    theirs: str
    mine: str
    entry: Entry | None


def found_duplicates(
    organization_id: UUID, values: Any, exclude: UUID | None
) -> list[dict[str, Any]]:
    """Return likely duplicates as the pages show them."""
    words = {
        "tax_identification_number": _("same tax number"),
        "email": _("same e-mail address"),
        "name": _("similar name"),
    }
    return [
        {
            "name": one.name,
            "external_id": one.external_id,
            "place": ", ".join(part for part in (one.city, one.country) if part),
            "reasons": one.reasons,
            "why": ", ".join(words[reason] for reason in one.reasons),
            "link": reverse("admin:customers_customer_change", args=[one.customer_id]),
        }
        for one in likely_duplicates(organization_id, values, exclude)
    ]


def other_organization() -> str:
    """Return the sentence for a form that was opened in another organization."""
    return _(
        "You work in another organization than when you opened this form. Nothing was saved: "
        "switch back at the top, or send it again to create the customer here."
    )


def _find(request: HttpRequest, customer_id: UUID) -> Customer | None:
    mine = organizations_of(request.user)
    rows = Customer.objects.filter(organization__in=mine, pk=customer_id)
    return rows.select_related("organization", "billing_entity").first()


def _customer_of(form: CustomerForm, actor: Any) -> UUID:
    return form.save_as(actor).customer_id


def _token(text: str | None) -> UUID:
    return _uuid(text) or uuid4()


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _problems(groups: list[Group]) -> list[tuple[str, str, str]]:
    """Return each problem as id of its field, label and sentence, in the order of the page."""
    return [
        (entry.bound.id_for_label, str(entry.label), str(error))
        for group in groups
        for entry in group.entries
        for error in entry.bound.errors
    ]


def _words(form: CustomerForm, names: list[str], values: Mapping[str, Any]) -> str:
    """Return what stands in the fields as people read it."""
    found = [shown(form.fields[name], values.get(name)) for name in names]
    return " · ".join(words for words in found if words)


def _last_change(entries: list[Entry], names: list[str]) -> Entry | None:
    """Return the latest entry that touched one of the fields."""
    paths = {path_of(name) for name in names}
    return next(
        (entry for entry in entries if paths.intersection(one.path for one in entry.changes)), None
    )
