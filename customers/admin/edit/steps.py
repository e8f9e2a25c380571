"""What editing and creating a customer share: form, review, save."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    QueryDict,
)
from django.utils.translation import gettext as _

from billing.errors import Refusal
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from customers.admin.edit.lookalikes import found_duplicates
from customers.admin.form import CustomerForm
from customers.admin.layout import Group, groups_of, labels_of
from customers.advice import advice_for
from customers.models import Customer
from customers.review import needs_reason, review_lines
from customers.submission import submit_once, submitted

# Fields of the pages around the form.
_STEPS = frozenset({"csrfmiddlewaretoken", "step", "token", "reason"})


class FormPage(StaffPage, ABC):
    """What editing and creating share: form, review, save; each step posts all that was typed."""

    ability = Ability.EDIT_CUSTOMERS
    section = "customers"
    template_name = "admin/customers/edit.html"
    customer: Customer

    @abstractmethod
    def form(self, data: QueryDict | None = None) -> CustomerForm:
        """Return the form, with what was typed."""

    @abstractmethod
    def home(self) -> str:
        """Return where one goes without saving."""

    def post(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Do the next step; nothing is saved but by the last one, and that once."""
        token = uuid_of(request.POST.get("token"))
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

    @abstractmethod
    def saved(self, customer_id: UUID, changed: int) -> HttpResponse:
        """Say what was saved, and go on."""

    def show_conflict(self, form: CustomerForm) -> HttpResponse:
        """Show that somebody else was faster."""
        return self.show_form(form, 409)

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


def _customer_of(form: CustomerForm, actor: Any) -> UUID:
    return form.save_as(actor).customer_id


def _token(text: str | None) -> UUID:
    return uuid_of(text) or uuid4()


def uuid_of(text: str | None) -> UUID | None:
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
