"""What views look like on the wire: instants, however they are written, always in the one form."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.inbound.rest.edge.wire import instant_text
from shared.clock import utc_text

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(0), "Etc/UTC")])


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=ZONES))
@example(datetime(2026, 3, 12, 18, 4, 5, tzinfo=UTC))
@example(datetime(2026, 3, 12, 18, 4, 5, 120_000, tzinfo=UTC))
def test_instants_have_six_decimals_and_a_z_whatever_their_zone(instant: datetime) -> None:
    assert instant_text(instant) == utc_text(instant)
