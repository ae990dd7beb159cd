"""Which peer the next call begins at, after failures and checks."""

from adapters.outbound.fabric.gateway.preference import CHECKS, MOST_CHECKS, SOON_SECONDS, Preference


def checked(preference: Preference, *answers: bool, now: float = 0.0) -> int:
    """How many checks with these answers it takes until another peer is current."""
    before = preference.current
    for number in range(1, 2 * MOST_CHECKS):
        preference.note(answers, now)
        if preference.current != before:
            return number
    return 0


def test_a_peer_that_fails_gives_way_to_the_next_one_once_and_the_last_one_to_the_first() -> None:
    preference = Preference(3)
    found = []
    for place in (0, 0, 1, 0, 2):
        preference.leave(place, 0)
        found.append(preference.current)
    assert found == [1, 1, 2, 2, 0]


def test_the_first_peer_is_returned_to_once_it_has_answered_so_many_checks_in_a_row() -> None:
    preference = Preference(2)
    preference.leave(0, 0)
    for answered in (True, True, False, True, True):
        preference.note([answered], 0)
        assert preference.current == 1
    preference.note([True], 0)
    assert preference.current == 0


def test_of_the_peers_that_answer_the_one_that_is_named_first_is_returned_to() -> None:
    preference = Preference(3)
    preference.leave(0, 0)
    preference.leave(1, 0)
    assert (checked(preference, False, True), preference.current) == (CHECKS, 1)
    assert (checked(preference, True), preference.current) == (CHECKS, 0)
    preference.leave(0, SOON_SECONDS)
    preference.leave(1, SOON_SECONDS)
    assert (checked(preference, True, True, now=SOON_SECONDS), preference.current) == (CHECKS, 0)


def test_what_a_peer_answered_before_it_was_left_does_not_count() -> None:
    preference = Preference(3)
    preference.leave(0, 0)
    preference.leave(1, 0)
    assert (checked(preference, False, True), preference.current) == (CHECKS, 1)
    preference.leave(1, SOON_SECONDS)
    assert checked(preference, False, True) == CHECKS


def test_a_peer_that_answers_checks_alone_is_tried_ever_less_often_until_it_has_worked_for_a_while() -> None:
    preference, found = Preference(2), []
    for _time in range(7):
        preference.leave(0, 0)
        found.append(checked(preference, True))
    assert found == [CHECKS, 2 * CHECKS, 4 * CHECKS, 8 * CHECKS, MOST_CHECKS, MOST_CHECKS, MOST_CHECKS]
    preference.leave(0, SOON_SECONDS)
    assert checked(preference, True) == CHECKS
