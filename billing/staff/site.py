"""The back office: its sidebar, its pages, and what stands in the head of each of them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import site as default_site
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from billing.organizations.models import Organization
from billing.staff.preferences import prefer, preference
from billing.staff.presence import presence
from billing.staff.roles import Ability
from billing.staff.workplace import (
    Workplace,
    has_workplace,
    is_superuser,
    organizations_of,
    switch,
    workplace,
)

Words = str | Promise


@dataclass(frozen=True)
class Item:
    """A place in the sidebar, seen by those who may do what it is for.

    `key` is what a page names to light it; `address` the name of a URL. Groups stand in the order
    of their first item, items by `rank`. Without an ability it is for superusers alone.
    """

    key: str
    title: Words
    icon: str
    address: str
    ability: Ability | None
    rank: int
    group: Words = ""
    # What to press for it, "g c".
    keys: str = ""

    @property
    def link(self) -> str:
        """Where it leads."""
        return reverse(self.address)

    def is_for(self, place: Workplace) -> bool:
        """Return whether the person sees it."""
        return is_superuser(place.person) if self.ability is None else place.may(self.ability)


class BackOffice(UnfoldAdminSite):
    """The screens of finance staff, at /admin/."""

    index_title = _("Home")
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._items: list[Item] = []
        self._pages: list[tuple[str, type[View], str]] = []

    def register(
        self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any
    ) -> None:
        """Take screens of ours alone: those that libraries bring know no organization."""
        if admin_class is not None and issubclass(admin_class, ModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def item(self, item: Item) -> None:
        """Add a place to the sidebar."""
        self._items = sorted([*self._items, item], key=lambda one: one.rank)

    def page(self, route: str, view: type[View], name: str) -> None:
        """Add a page at /admin/<route>, called `admin:<name>`."""
        self._pages.append((route, view, name))

    def items_for(self, place: Workplace) -> list[Item]:
        """Return the places of the sidebar that the person sees here."""
        return [item for item in self._items if item.is_for(place)]

    def get_urls(self) -> list[URLPattern]:
        """Return our own pages, then those of the screens."""
        ours = [
            path(route, self.admin_view(view.as_view()), name=name)
            for route, view, name in self._pages
        ]
        forms = [
            path(route, self.admin_view(require_POST(view)), name=name)
            for route, view, name in (
                ("organization/", self.choose, "choose_organization"),
                ("preferences/", prefer, "prefer"),
            )
        ]
        still = path("presence/", self.admin_view(presence), name="presence")
        return [*forms, still, *ours, *super().get_urls()]

    def choose(self, request: HttpRequest) -> HttpResponse:
        """Switch to another of the person's organizations, and start at its home."""
        try:
            pk = UUID(request.POST.get("organization", ""))
        except (TypeError, ValueError) as error:
            raise Http404 from error
        chosen = get_object_or_404(organizations_of(request.user), pk=pk)
        switch(request, chosen)
        messages.info(request, gettext("You now work in %(name)s.") % {"name": chosen.name})
        return HttpResponseRedirect(reverse("admin:index"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows around its content."""
        place = workplace(request) if self._signed_in(request) else None
        return super().each_context(request) | {
            "workplace": place,
            "abilities": _abilities_of(place),
            "environment_name": settings.TARN_ENVIRONMENT,
            "lit": _lit(request, self.items_for(place)) if place else None,
            "preference": preference(request),
            "languages": settings.LANGUAGES,
            "site_url": None,
        }

    def get_app_list(self, *_: Any, **__: Any) -> list[Any]:
        """Return nothing: the sidebar is ours, and asking Django costs two statements."""
        return []

    def app_index(self, *_: Any, **__: Any) -> HttpResponse:
        """Go home: people know tasks, not apps."""
        return HttpResponseRedirect(reverse("admin:index"))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the groups of the sidebar, one item of them lit."""
        if not self._signed_in(request):
            return []
        items = self.items_for(workplace(request))
        lit = _lit(request, items)
        groups: dict[str, list[dict[str, Any]]] = {}
        for item in items:
            shown = {"item": item, "active": item is lit}
            groups.setdefault(str(item.group), []).append(shown)
        return [{"title": title, "items": found} for title, found in groups.items()]

    def _signed_in(self, request: HttpRequest) -> bool:
        return self.has_permission(request) and has_workplace(request)


def back_office() -> BackOffice:
    """Return the site, for those that add their pages to it."""
    assert isinstance(default_site, BackOffice)  # noqa: S101  # mypy: Django knows a plain site
    return default_site


def switch_to(request: HttpRequest, organization: Organization) -> None:
    """Switch because a link led into another of the person's organizations, and say so."""
    switch(request, organization)
    words = gettext("This belongs to %(name)s: you now work there.")
    messages.info(request, words % {"name": organization.name})


def _lit(request: HttpRequest, items: list[Item]) -> Item | None:
    """Return the item of the page: the one it names, else the one its address stands under."""
    named = getattr(request, "section", None)
    if named is not None:
        return next((item for item in items if item.key == named), None)
    home = reverse("admin:index")
    above = [
        item
        for item in items
        if request.path == item.link or (item.link != home and request.path.startswith(item.link))
    ]
    return max(above, key=lambda item: len(item.link), default=None)


def _abilities_of(place: Workplace | None) -> dict[str, bool]:
    """Return what templates ask for: `abilities.edit_customers`."""
    return {one.value: place is not None and place.may(one) for one in Ability}
