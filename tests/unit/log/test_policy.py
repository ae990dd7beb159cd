"""Witness policies: the example of tlog-policy, quorums as a table, and every malformed line."""

from itertools import combinations

import pytest

from core.log.errors import MalformedPolicy
from core.log.notes import Algorithm
from core.log.policy import parse_policy
from tests.unit.log.scenario import HARBOUR, LOG, Signer

COSIGNERS = {name: Signer(name, Algorithm.COSIGNATURE) for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")}
WITNESSES = "".join(f"witness {name} {signer.key}\n" for name, signer in COSIGNERS.items())
EXAMPLE = f"""log {LOG.key} https://log.example/

 # a comment
{WITNESSES}group X-witnesses 2 X1 X2 X3
group\tY-witnesses any  Y1 Y2 Y3\t
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def met(policy: str, *names: str) -> bool:
    return parse_policy(policy).satisfied_by(COSIGNERS[name].key for name in names)


def test_the_example_of_the_specification_counts_two_of_three_and_one_of_three() -> None:
    for count in range(len(COSIGNERS) + 1):
        for names in combinations(COSIGNERS, count):
            many = sum(name.startswith("X") for name in names)
            assert met(EXAMPLE, *names) is (many >= 2 and many < count)
    policy = parse_policy(EXAMPLE)
    assert policy.logs == (LOG.key,)
    assert list(policy.witnesses) == list(COSIGNERS)


def test_a_quorum_may_be_one_witness_or_none() -> None:
    assert met(WITNESSES + "quorum X1\n", "X1")
    assert not met(WITNESSES + "quorum X1\n", "X2")
    assert parse_policy("quorum none\n").satisfied_by(())
    assert parse_policy("quorum none\n").quorum is None


def test_a_key_that_the_policy_does_not_name_counts_nothing() -> None:
    assert not parse_policy(WITNESSES + "quorum X1\n").satisfied_by([Signer("X1", Algorithm.COSIGNATURE, seed="z").key])


def test_as_many_names_as_the_specification_asks_for_are_accepted() -> None:
    signers = [Signer(f"w{n}", Algorithm.COSIGNATURE) for n in range(64)]
    logs = "".join(f"log {Signer(HARBOUR, seed=str(n)).key}\n" for n in range(32))
    lines = "".join(f"witness {each.key.name} {each.key}\ngroup g{n} any w{n}\n" for n, each in enumerate(signers))
    groups = " ".join(f"g{n}" for n in range(64))
    policy = parse_policy(f"{logs}{lines}group all-of-them all {groups}\nquorum all-of-them\n")
    assert policy.satisfied_by(each.key for each in signers)
    assert not policy.satisfied_by(each.key for each in signers[1:])


X1, X2 = (COSIGNERS[name].key for name in ("X1", "X2"))
TWO = f"witness a {X1}\nwitness b {X2}\n"


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "\n",
        "quorum none",
        "quorum\n",
        "quorum none none\n",
        "quorum none\nquorum none\n",
        "quorum a\n",
        f"quorum a\nwitness a {X1}\n",
        f"Quorum none\nwitness a {X1}\n",
        "witness a\nquorum none\n",
        f"witness {X1}\nquorum none\n",
        f"witness a {X1} url more\nquorum none\n",
        f"witness none {X1}\nquorum none\n",
        f"witness a {X1}\nwitness a {X2}\nquorum none\n",
        f"witness a {X1}\nwitness b {X1}\nquorum none\n",
        f"witness a {LOG.key}\nquorum none\n",
        "witness a nonsense\nquorum none\n",
        f"log {X1}\nquorum none\n",
        f"log {LOG.key}\nlog {LOG.key}\nquorum none\n",
        f"log {LOG.key} url more\nquorum none\n",
        "log\nquorum none\n",
        f"{TWO}group g\nquorum none\n",
        f"{TWO}group g any\nquorum none\n",
        f"{TWO}group g 0 a b\nquorum none\n",
        f"{TWO}group g 3 a b\nquorum none\n",
        f"{TWO}group g 01 a b\nquorum none\n",
        f"{TWO}group g -1 a b\nquorum none\n",
        f"{TWO}group g \u0661 a b\nquorum none\n",
        f"{TWO}group g some a b\nquorum none\n",
        f"{TWO}group g any a c\nquorum none\n",
        f"{TWO}group g any a a\nquorum none\n",
        f"{TWO}group g any a none\nquorum none\n",
        f"{TWO}group g any g\nquorum none\n",
        f"{TWO}group a any b\nquorum none\n",
        f"{TWO}group none any b\nquorum none\n",
        f"{TWO}group g any a\ngroup h any a b\nquorum none\n",
        "monitor x\nquorum none\n",
        "quorum none\r\n",
        "# \0\nquorum none\n",
        "# \x7f\nquorum none\n",
        "quorum none\n" + "#" * (1 << 18) + "\n",
    ],
)
def test_what_is_not_a_policy_is_refused_with_one_error(policy: str) -> None:
    with pytest.raises(MalformedPolicy):
        parse_policy(policy)
