"""The language and the time zone that a person reads in."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import TemplateView

from billing.staff.choices import timezones
from billing.staff.preferences import preference
from billing.staff.workplace import has_workplace, workplace


class TimePage(LoginRequiredMixin, TemplateView):
    """Where people choose both; the form goes where all preferences are kept."""

    template_name = "account/time.html"

    def get_context_data(self, **values: Any) -> dict[str, Any]:
        """Return what there is to choose from."""
        here = workplace(self.request).organization if has_workplace(self.request) else None
        return super().get_context_data(
            zones=timezones(), chosen=preference(self.request), organization=here, **values
        )
