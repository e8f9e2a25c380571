"""API keys in the back office: made, rotated, revoked; the keys themselves are not kept."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDateWidget

from billing.api.keys import (
    READ,
    RESOURCES,
    WRITE,
    change_api_key,
    create_api_key,
    revoke_api_key,
    rotate_api_key,
)
from billing.api.models import ApiKey
from billing.errors import Invalid
from billing.staff.forms import organization_choice, switch, text
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.screens import fact
from billing.staff.sentences import in_words, sentence
from billing.staff.settings import SettingsForm, SettingsScreen, badge
from billing.staff.site import back_office
from billing.staff.tampering import Tampered
from billing.staff.templatetags.moments import moment
from billing.staff.workplace import Workplace

MODES = ((READ, gettext_lazy("Read")), (WRITE, gettext_lazy("Write")))
OVERLAPS = (
    (0, gettext_lazy("no time: it ends now")),
    (1, gettext_lazy("1 hour")),
    (24, gettext_lazy("1 day")),
    (168, gettext_lazy("7 days")),
    (720, gettext_lazy("30 days")),
)


class Matrix(forms.CheckboxSelectMultiple):
    """A table of resources by modes."""

    template_name = "admin/matrix.html"

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # Django's renderer of widgets does not look where our templates are.
        return render_to_string(template_name, context)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return the boxes row by row."""
        context = super().get_context(name, value, attrs)
        ticked = set(value or ())
        context["widget"]["rows"] = [
            {
                "label": in_words(resource),
                "boxes": [
                    {"value": box, "label": label, "checked": box in ticked}
                    for mode, label in MODES
                    for box in [f"{resource}:{mode}"]
                ],
            }
            for resource in sorted(RESOURCES)
        ]
        return context


class KeyForm(SettingsForm):
    """A key as people set it up; what it may do besides the matrix stays as it is."""

    own_fields: ClassVar[frozenset[str]] = SettingsForm.own_fields | {"key_id"}
    shown_at: ClassVar[dict[str, str]] = {"key": "name", "expires_at": "last_day"}

    organization = organization_choice()
    key_id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    name = text(gettext_lazy("Name"), gettext_lazy("The program that will use it."))
    everything = switch(
        gettext_lazy("May do everything"), gettext_lazy("Now, and whatever is added later.")
    )
    boxes = forms.MultipleChoiceField(
        label=gettext_lazy("Otherwise it may"),
        required=False,
        widget=Matrix,
        choices=[(f"{one}:{mode}", one) for one in sorted(RESOURCES) for mode, _label in MODES],
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("It ends with this day (UTC). Empty: it does not end by itself."),
        required=False,
        widget=UnfoldAdminDateWidget,
    )
    made: str | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.creating:
            self.initial.setdefault("key_id", uuid4())
        else:
            del self.fields["organization"], self.fields["key_id"]

    def read(self, instance: ApiKey) -> dict[str, Any]:
        """Return the values of the key."""
        granted = instance.permissions or {}
        ends = instance.expires_at
        return {
            "name": instance.name,
            "everything": instance.permissions is None,
            "boxes": sorted(
                f"{one}:{mode}" for one in granted if one in RESOURCES for mode in granted[one]
            ),
            "last_day": (ends - timedelta(microseconds=1)).date().isoformat() if ends else None,
        }

    def write(self, wish: dict[str, Any]) -> None:
        """Make or change the key."""
        values, key = self._values(wish), cast(ApiKey, self.instance)
        if not self.creating:
            change_api_key(key, self.actor, **values)
            return
        tenant, given = self.cleaned_data["organization"], self.cleaned_data["key_id"]
        sent_before = ApiKey.objects.filter(organization=tenant, pk=given).first()
        if sent_before is not None:
            self.instance = sent_before
        else:
            self.instance, self.made = create_api_key(
                tenant, actor=self.actor, key_id=given, **values
            )

    def _values(self, wish: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "name" in wish:
            values["name"] = wish["name"] or ""
        if "last_day" in wish:
            values["expires_at"] = _end_of(wish["last_day"])
        if self.creating or "everything" in wish or "boxes" in wish:
            values["permissions"] = self._permissions()
        return values

    def _permissions(self) -> dict[str, list[str]] | None:
        if self.cleaned_data["everything"]:
            return None
        key: Any = self.instance
        kept = {
            one: modes for one, modes in (key.permissions or {}).items() if one not in RESOURCES
        }
        for box in self.cleaned_data["boxes"]:
            resource, _colon, mode = box.partition(":")
            kept.setdefault(resource, []).append(mode)
        if not kept:
            raise Invalid({"boxes": ["no_permission"]})
        return kept


def _end_of(day: Any) -> datetime | None:
    """Return the moment at which a day has ended, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) if day else None


class ApiKeyScreen(SettingsScreen):
    """What programs call with."""

    reads = writes = Ability.SET_KEYS
    may_delete = False
    nothing_yet = (
        gettext_lazy("No API keys yet."),
        gettext_lazy("Programs call the API with a key: make one for each program."),
    )
    wish_form = KeyForm
    list_display = ("shown_name", "end", "allowed", "last_use", "ends", "state")
    ordering = ("-created_at",)
    add_fieldsets = (
        (None, {"fields": ("organization", "key_id", "name", "everything", "boxes", "last_day")}),
    )
    fieldsets = ((None, {"fields": ("name", "everything", "boxes", "last_day")}),)
    change_form_outer_before_template = "admin/keys/tools.html"

    def response_add(self, request: HttpRequest, obj: Any, *_: Any) -> HttpResponse:
        """Show the new key, this once."""
        return made_page(request, obj, obj.made_text)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep the text of a new key for the page that shows it; say nothing of it elsewhere."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.made_text = form.made

    @fact(gettext_lazy("Name"))
    def shown_name(self, key: ApiKey) -> str:
        """Return the name, or words for a key without one."""
        return key.name or _("without a name")

    @fact(gettext_lazy("Ends with"))
    def end(self, key: ApiKey) -> str:
        """Return the last four characters."""
        return f"...{key.last_four}"

    @fact(gettext_lazy("Is allowed to"))
    def allowed(self, key: ApiKey) -> str:
        """Return what the key allows."""
        if key.permissions is None:
            return _("everything")
        return "; ".join(
            f"{name.replace('_', ' ')}: {', '.join(modes)}"
            for name, modes in key.permissions.items()
        )

    @fact(gettext_lazy("Last used"), ordering="last_used_at")
    def last_use(self, key: ApiKey) -> Any:
        """Return when a program last called with it."""
        return moment(key.last_used_at, "short") or _("never")

    @fact(gettext_lazy("Ends"), ordering="expires_at")
    def ends(self, key: ApiKey) -> Any:
        """Return when it ends by itself."""
        return moment(key.expires_at, "short") or _("not by itself")

    @fact(gettext_lazy("State"))
    def state(self, key: ApiKey) -> str:
        """Return whether the key has ended."""
        if key.expires_at is None or key.expires_at > timezone.now():
            return badge(_("Works"), "ok", "check_circle")
        return badge(_("Ended"), "bad", "block")


def made_page(
    request: HttpRequest, row: ApiKey, key: str | None, old: ApiKey | None = None
) -> HttpResponse:
    """Return the page that shows a new key; nothing keeps a copy of it."""
    frame = back_office().each_context(request) | {"title": _("Your new API key")}
    values = {"row": row, "key": key, "old": old, "now": timezone.now()}
    response = TemplateResponse(request, "admin/keys/made.html", frame | values)
    response["Cache-Control"] = "no-store"
    return response


class _KeyPage(StaffPage):
    """A question about one key."""

    ability = Ability.SET_KEYS
    section = "keys"
    template_name = "admin/keys/end.html"
    rotating: ClassVar[bool]

    def get(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Ask."""
        return self.ask(_key(self.workplace, key_id))

    def ask(self, row: ApiKey, refusal: Invalid | None = None, hours: int = 24) -> HttpResponse:
        """Show the question, and why the last answer was refused."""
        codes = [code for found in refusal.problems.values() for code in found] if refusal else []
        return self.render(
            status=422 if refusal else 200,
            row=row,
            rotating=self.rotating,
            key_id=uuid4(),
            overlaps=OVERLAPS,
            hours=hours,
            refusal=" ".join(sentence("", code) for code in codes),
        )


class RotatePage(_KeyPage):
    """Makes a key in place of another, which goes on working for a while."""

    title = gettext_lazy("Rotate the key")
    rotating = True

    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Rotate the key, and show the new one."""
        old = _key(self.workplace, key_id)
        try:
            hours = int(request.POST.get("hours", "24"))
            new_id = UUID(request.POST.get("key_id", ""))
        except ValueError as error:
            raise Tampered("key_id") from error
        if hours not in dict(OVERLAPS):
            raise Tampered("hours")
        if ApiKey.objects.filter(pk=new_id).exists():
            return made_page(request, _key(self.workplace, new_id), None)
        ends_at = timezone.now() + timedelta(hours=hours) if hours else None
        try:
            row, text = rotate_api_key(old, ends_at, self.workplace.actor(), new_id)
        except Invalid as refusal:
            return self.ask(old, refusal, hours)
        old.refresh_from_db()
        return made_page(request, row, text, old)


class RevokePage(_KeyPage):
    """Ends a key now."""

    title = gettext_lazy("Revoke the key")
    rotating = False

    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Revoke the key."""
        row = _key(self.workplace, key_id)
        try:
            revoke_api_key(row, self.workplace.actor())
        except Invalid as refusal:
            return self.ask(row, refusal)
        return HttpResponseRedirect(reverse("admin:billing_apikey_changelist"))


def _key(place: Workplace, key_id: UUID) -> ApiKey:
    found = ApiKey.objects.filter(organization=place.organization, pk=key_id).first()
    if found is None:
        raise Http404
    return found


back_office().page("keys/<uuid:key_id>/rotate/", RotatePage, "rotate_key")
back_office().page("keys/<uuid:key_id>/revoke/", RevokePage, "revoke_key")
