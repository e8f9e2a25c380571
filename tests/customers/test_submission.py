"""A form that is sent off twice."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from billing.errors import Stale
from billing.models import Organization
from customers.models import Submission
from customers.submission import forget_submissions, submit_once, submitted
from tests.billing.builders import make_organization


class TestSubmitOnce:
    def test_writes_the_first_time_and_tells_of_it_the_second(
        self, organization: Organization
    ) -> None:
        token, written = uuid4(), uuid4()

        first = submit_once(organization.pk, token, lambda: written)
        second = submit_once(organization.pk, token, uuid4)

        assert (first, second) == ((written, True), (written, False))
        assert submitted(organization.pk, token) == written

    def test_forgets_what_was_refused(self, organization: Organization) -> None:
        """Seen to fail with the transaction taken out of submit_once."""
        token = uuid4()

        def refuse() -> UUID:
            raise Stale

        with pytest.raises(Stale):
            submit_once(organization.pk, token, refuse)

        assert not Submission.objects.exists()

    def test_keeps_the_tokens_of_organizations_apart(self, organization: Organization) -> None:
        token = uuid4()
        submit_once(organization.pk, token, uuid4)

        assert submitted(make_organization().pk, token) is None


class TestForgetSubmissions:
    def test_leaves_what_is_younger(self, organization: Organization) -> None:
        submit_once(organization.pk, uuid4(), uuid4)

        forget_submissions(timezone.now() - timedelta(days=1))
        assert Submission.objects.count() == 1

        forget_submissions(timezone.now() + timedelta(days=1))
        assert not Submission.objects.exists()
