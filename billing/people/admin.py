"""Staff of an organization in the back office: added by e-mail address, given a role, removed."""

from typing import Any, ClassVar, cast

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.events.actor import Actor
from billing.organizations.models import Membership
from billing.people.factors import factors_of
from billing.people.members import add_member, change_member_role, remove_member
from billing.staff.forms import organization_choice
from billing.staff.roles import ABILITIES, Ability, Role, may_give
from billing.staff.screens import fact
from billing.staff.settings import SettingsForm, SettingsScreen, badge
from billing.staff.templatetags.moments import moment
from billing.staff.workplace import Workplace, workplace


def told_role(role: Membership.Role) -> str:
    """Return what a role may do, in words."""
    return "; ".join(str(one.label) for one in Ability if one in ABILITIES[role])


class MemberForm(SettingsForm):
    """A person of the staff: the address is asked for once, the role can change."""

    organization = organization_choice()
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("What the person signs in with."),
        widget=UnfoldAdminTextInputWidget,
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=Membership.Role.choices, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.creating:
            del self.fields["organization"], self.fields["email"]

    def fit(self, place: Workplace) -> None:
        """Offer the roles that the person may give."""
        super().fit(place)
        roles: Any = self.fields["role"]
        roles.choices = [
            one for one in Membership.Role.choices if may_give(place.role, Role(one[0]))
        ]

    def read(self, instance: Membership) -> dict[str, Any]:
        """Return the role."""
        return {"role": instance.role}

    def write(self, wish: dict[str, Any]) -> None:
        """Add the person, or change the role."""
        role = Membership.Role(wish["role"])
        row = cast(Membership, self.instance)
        if not self.creating:
            change_member_role(row.organization_id, row.user_id, role, self.actor)
            return
        tenant = self.cleaned_data["organization"]
        user = add_member(tenant.pk, wish["email"].lower(), role, self.actor)
        self.instance = Membership.objects.get(organization=tenant, user=user)

    def wish(self) -> dict[str, Any]:
        """Return the role even if the first one on offer was left as it is."""
        return super().wish() | {"role": self.cleaned_data["role"]}

    def preview(self) -> tuple[str, ...]:
        """Return what the person may do with the new role."""
        role = Membership.Role(self.cleaned_data["role"])
        words = _("{person} becomes {role} and may: {abilities}.")
        row = cast(Membership, self.instance)
        told = {"person": row.user, "role": role.label, "abilities": told_role(role)}
        return (words.format(**told),)


class MembershipScreen(SettingsScreen):
    """Who works here as what."""

    reads = writes = Ability.SET_STAFF
    wish_form = MemberForm
    nothing_yet = (
        gettext_lazy("Nobody works here yet."),
        gettext_lazy("Add people by their e-mail address and give each a role."),
    )
    list_display = ("person", "role_name", "second_factor", "last_login", "added")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    ordering = ("user__username",)
    add_fieldsets = ((None, {"fields": ("organization", "email", "role")}),)
    fieldsets = ((None, {"fields": ("role",)}),)
    change_list_template = "admin/members/list.html"

    roles: ClassVar[list[tuple[str, str]]] = []

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the people with whether they have a second factor."""
        mine = factors_of(OuterRef("user_id"))
        return super().get_queryset(request).annotate(has_factor=Exists(mine))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the person may give this one another role."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or workplace(request).may_set(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the person may remove this one."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or workplace(request).may_set(obj))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the people, and what each role may do."""
        told = [(role.label, told_role(role)) for role in Membership.Role]
        return super().changelist_view(request, (extra_context or {}) | {"roles": told})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Tell how a new person gets in, and send them a link if mail goes out."""
        if change:
            super().save_model(request, obj, form, change)
            return
        self.message_user(request, _let_in(request, obj.user), messages.SUCCESS)

    def response_add(self, request: HttpRequest, obj: Any, *_: Any) -> HttpResponse:
        """Go back to the list."""
        return HttpResponseRedirect(reverse("admin:billing_membership_changelist"))

    def delete_row(self, obj: Membership, actor: Actor) -> None:
        """Take the person out of the organization."""
        remove_member(obj.organization_id, obj.user_id, actor)

    def lost_with(self, obj: Membership) -> list[str]:
        """Return what the person loses."""
        return [_("The person no longer gets in here. What they changed stays in the history.")]

    @fact(gettext_lazy("Person"), ordering="user__username")
    def person(self, membership: Membership) -> str:
        """Return the name, or the address."""
        user = membership.user
        name = user.get_full_name()
        return f"{name} ({user.get_username()})" if name else user.get_username()

    @fact(gettext_lazy("Role"), ordering="role")
    def role_name(self, membership: Membership) -> str:
        """Return the role."""
        return membership.get_role_display()

    @fact(gettext_lazy("Second factor"))
    def second_factor(self, membership: Any) -> str:
        """Return whether the person has one."""
        if membership.has_factor:
            return badge(_("Set up"), "ok", "check_circle")
        return badge(_("None"), "warn", "lock_open")

    @fact(gettext_lazy("Last signed in"), ordering="user__last_login")
    def last_login(self, membership: Membership) -> str:
        """Return when the person last signed in."""
        return moment(membership.user.last_login, "short") or _("never")

    @fact(gettext_lazy("Added"), ordering="created_at")
    def added(self, membership: Membership) -> str:
        """Return when the person was added."""
        return moment(membership.created_at, "short")


def _let_in(request: HttpRequest, user: User) -> str:
    """Return how the person gets in; send a link to choose a password if they have none."""
    told = {"person": user.get_username()}
    if user.has_usable_password():
        return _("{person} can work here now, with the password they have.").format(**told)
    if settings.TARN_SENDS_MAIL:
        form = ResetPasswordForm({"email": user.email})
        if form.is_valid():
            form.save(request)
        return _("{person} was added. A link to choose a password is on its way.").format(**told)
    words = _(
        "{person} was added. Single sign-on lets them in; for a password, whoever runs this server "
        "calls: manage.py changepassword {person}"
    )
    return words.format(**told)
