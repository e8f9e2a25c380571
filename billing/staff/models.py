"""How people of the back office like it: their own settings."""

from django.conf import settings
from django.db import models


class StaffPreference(models.Model):
    """One person's settings; no row means that they chose nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="staff_preference",
    )
    # Empty: the browser's.
    language = models.CharField(max_length=8, blank=True, default="")
    # Empty: the organization's.
    timezone = models.CharField(max_length=64, blank=True, default="")
    # Keys without Ctrl get in the way of dictation (WCAG 2.1.4).
    keys_off = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"settings of {self.user}"
