"""Deleting and restoring many customers: what that means for each of them."""

from collections.abc import Sequence
from uuid import UUID

from customers.bulk.steps import Step, Target
from customers.bulk.targets import changes_since_seen
from customers.models import Customer


def delete_steps(organization_id: UUID, targets: Sequence[Target]) -> list[Step]:
    """Return what deletes each customer; who was changed since the preview is left out."""
    later = changes_since_seen(organization_id, targets)
    return [
        Step(one)
        if one.is_deleted
        else Step(one, why=later[one.id].last)
        if one.id in later
        else Step(one, delete=True)
        for one in targets
    ]


def restore_steps(organization_id: UUID, targets: Sequence[Target]) -> list[Step]:
    """Return what restores each deleted customer, unless its external id has been taken."""
    taken = set(
        Customer.objects.kept()
        .filter(
            organization_id=organization_id, external_id__in=[one.external_id for one in targets]
        )
        .values_list("external_id", flat=True)
    )
    later = changes_since_seen(organization_id, targets)
    steps = []
    for one in targets:
        if not one.is_deleted:
            steps.append(Step(one))
        elif one.id in later:
            steps.append(Step(one, why=later[one.id].last))
        elif one.external_id in taken:
            steps.append(Step(one, why={"code": "external_id_taken"}))
        else:
            taken.add(one.external_id)
            steps.append(Step(one, restore=True))
    return steps
