from datetime import timedelta

import pytest

from billing.webhooks.retries import MAX_ATTEMPTS, delay_after


class TestDelayAfter:
    def test_grows_over_about_three_days(self):
        delays = [delay_after(attempts, 500, None) for attempts in range(1, MAX_ATTEMPTS)]

        whole = sum((delay for delay in delays if delay), timedelta())
        assert MAX_ATTEMPTS == 13
        assert timedelta(seconds=4) <= delays[0] <= timedelta(seconds=6)
        assert timedelta(days=2.4) < whole < timedelta(days=3.7)

    def test_ends(self):
        assert delay_after(MAX_ATTEMPTS, 500, None) is None

    @pytest.mark.parametrize("status", [429, 503])
    def test_obeys_a_busy_receiver_up_to_an_hour(self, status):
        assert delay_after(1, status, "90") == timedelta(seconds=90)
        assert delay_after(1, status, "86400") == timedelta(hours=1)

    @pytest.mark.parametrize("wish", ["-5", "soon", "1.5", "٣", "9" * 400, ""])
    def test_ignores_a_wish_it_cannot_read(self, wish):
        assert delay_after(1, 429, wish) < timedelta(seconds=7)

    def test_ignores_the_wish_of_a_broken_receiver(self):
        assert delay_after(1, 500, "3600") < timedelta(seconds=7)
