"""Views of the list that people keep, and how each of them likes to see it."""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from billing.errors import Invalid, NotFound
from customers.models import VIEW_NAME_LENGTH, ListChoice, SavedView

PersonId = int


def views_for(organization_id: UUID, person_id: PersonId) -> QuerySet[SavedView]:
    """Return the views a person sees: their own, and what colleagues share, by name."""
    mine = Q(owner=person_id) | Q(is_shared=True)
    return SavedView.objects.filter(mine, organization=organization_id).order_by("name", "pk")


def choice_of(organization_id: UUID, person_id: PersonId) -> ListChoice:
    """Return what a person chose, or that they chose nothing yet."""
    found = ListChoice.objects.select_related("default_view").filter(
        organization=organization_id, person=person_id
    )
    choice = found.first() or ListChoice(organization_id=organization_id, person_id=person_id)
    view = choice.default_view
    if view is not None and view.owner_id != person_id and not view.is_shared:
        choice.default_view = None  # its owner shares it no longer
    return choice


def choose_columns(organization_id: UUID, person_id: PersonId, columns: Sequence[str]) -> None:
    """Show the person these columns from now on; none stands for the usual ones."""
    ListChoice.objects.update_or_create(
        organization_id=organization_id, person_id=person_id, defaults={"columns": list(columns)}
    )


def save_view(
    organization_id: UUID,
    person_id: PersonId,
    name: str,
    query: str,
    columns: Sequence[str],
    *,
    is_shared: bool,
) -> SavedView:
    """Keep a view; one of the same name and owner is replaced.

    :raises Invalid: if the name is empty or too long.
    """
    name = " ".join(name.split())
    if not name:
        raise Invalid({"name": ["value_is_mandatory"]})
    if len(name) > VIEW_NAME_LENGTH or "\0" in name:
        raise Invalid({"name": ["value_is_too_long"]})
    values = {"query": query, "columns": list(columns), "is_shared": is_shared}
    try:
        with transaction.atomic():
            found, _ = SavedView.objects.update_or_create(
                organization_id=organization_id, owner_id=person_id, name=name, defaults=values
            )
    except IntegrityError as error:
        raise Invalid({"name": ["value_already_exist"]}) from error
    return found


def delete_view(
    organization_id: UUID, person_id: PersonId, view_id: UUID, *, may_share: bool
) -> SavedView:
    """Delete a view of one's own; who may share views may delete shared ones as well.

    :raises NotFound: if there is none to delete.
    """
    mine = Q(owner=person_id) | (Q(is_shared=True) if may_share else Q(pk__in=[]))
    found = SavedView.objects.filter(mine, organization=organization_id, pk=view_id).first()
    if found is None:
        raise NotFound("view")
    found.delete()
    return found


def choose_default(organization_id: UUID, person_id: PersonId, view_id: UUID | None) -> None:
    """Open the list with this view from now on; None: with all customers.

    :raises NotFound: if the person doesn't see such a view.
    """
    if view_id and not views_for(organization_id, person_id).filter(pk=view_id).exists():
        raise NotFound("view")
    ListChoice.objects.update_or_create(
        organization_id=organization_id,
        person_id=person_id,
        defaults={"default_view_id": view_id},
    )
