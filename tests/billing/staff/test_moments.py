from datetime import datetime, timedelta, timezone

from django.template import Context, Template
from django.utils import timezone as django_timezone
from django.utils.translation import override

AT = datetime(2026, 5, 4, 23, 30, tzinfo=timezone(timedelta(hours=1)))


def shown(how: str = "", at: datetime | None = AT) -> str:
    return Template(f"{{% moment at {how} %}}").render(Context({"at": at}))


class TestMoment:
    def test_is_said_as_the_reader_writes_it(self) -> None:
        with override("de"), django_timezone.override("Europe/Berlin"):
            assert ">5. Mai 2026 00:30<" in shown()
            assert ">05.05.2026 00:30<" in shown('"short"')
            assert ">00:30<" in shown('"time"')

    def test_is_exact_with_its_zone_and_in_utc_on_hover(self) -> None:
        with django_timezone.override("Europe/Berlin"):
            title = "2026-05-05 00:30:00 Europe/Berlin (CEST) · 2026-05-04 22:30:00 UTC"
            assert f'title="{title}"' in shown()
        with django_timezone.override("UTC"):
            assert 'title="2026-05-04 22:30:00 UTC"' in shown()

    def test_is_nothing_where_there_is_none(self) -> None:
        assert shown(at=None) == ""
