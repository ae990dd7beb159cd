"""How `concordat verify` tells of a settlement."""

from pathlib import Path

from concordat.checked import settlement_text
from core.log.evidence import Assurance, Vouched
from core.log.settlements import Opening, SettlementChecked, SettlementProof


def test_peers_word_on_a_settlement_is_told_with_what_nobody_knows_of_their_certificates() -> None:
    opening = Opening(pair=bytes(32), period="2026-03", root=bytes(32), count=1, salt=bytes(32))
    keys, signatures = (bytes(32), bytes(32)), (bytes(64), bytes(64))
    proof = SettlementProof(
        opening=opening, keys=keys, signatures=signatures, visit=bytes(32), index=0, hashes=(), evidence={}
    )
    vouched = Vouched(assurance=Assurance.CONSORTIUM, organisations=("Org1MSP", "Org2MSP"))
    told = settlement_text(Path("visit.settlement"), SettlementChecked(proof=proof, vouched=vouched))
    assert "by peers of Org1MSP, Org2MSP; nobody knows when to judge their certificates" in told
