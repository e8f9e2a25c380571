"""The palette: one field that finds customers, pages and organizations."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import View

from billing.staff.site import Words, back_office
from billing.staff.workplace import Workplace, workplace

LONGEST = 100  # of what somebody types, in characters


@dataclass(frozen=True)
class Hit:
    """One thing found: where it leads, or which organization to switch to."""

    title: str
    detail: str = ""
    icon: str = ""
    link: str = ""
    organization: str = ""


@dataclass(frozen=True)
class Finder:
    """Finds things of one kind, at most eight; empty for those who may not see them."""

    title: Words
    find: Callable[[Workplace, str], list[Hit]]


_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Have the palette look here, too."""
    _finders.append(finder)


class PaletteView(View):
    """What the palette found for `q`, as JSON; everything there is to go to without it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer with groups of hits."""
        place, text = workplace(request), request.GET.get("q", "").replace("\0", "").strip()
        text = text[:LONGEST]
        groups = [_group(finder.title, finder.find(place, text)) for finder in _finders if text]
        groups.append(_group(_("Go to"), _pages(place, text)))
        groups.append(_group(_("Switch to"), _organizations(place, text)))
        return JsonResponse({"groups": [group for group in groups if group["hits"]]})


def _group(title: Words, hits: list[Hit]) -> dict[str, Any]:
    return {"title": str(title), "hits": [asdict(hit) for hit in hits]}


def _pages(place: Workplace, text: str) -> list[Hit]:
    items = back_office().items_for(place)
    return [
        Hit(str(item.title), str(item.group), item.icon, item.link)
        for item in items
        if text.casefold() in str(item.title).casefold()
    ]


def _organizations(place: Workplace, text: str) -> list[Hit]:
    found = [one for one in place.others if text.casefold() in one.name.casefold()]
    return [Hit(one.name, icon="apartment", organization=str(one.pk)) for one in found[:8]]
