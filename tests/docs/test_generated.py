"""What the documentation says of the code in tables and drawings is what the code says."""

import re
from pathlib import Path

import pytest

from concordat.places import profile_file
from concordat.settings import PREFIX, Settings
from core.clubs import eligibility
from core.log.audit.findings import Code
from tests.architecture.tree import repository
from tests.docs.generated import PARTS, drawing, verdict_codes
from tests.docs.named import rules_in
from tests.docs.pages import Page, all_pages

CONFIGURATION = Page("docs/how-to/configure.md")
RULES = Page("docs/explanation/rules.md")
_ROW = re.compile(r"^\| `(?P<variable>CONCORDAT_[A-Z_]+)` \|(?P<usual>[^|]*)\|(?P<profiles>[^|]*)\| [^|]+ \|$", re.M)
_CODE = re.compile(r"[a-z-]+/[a-z-]+")


@pytest.mark.parametrize("page", [page for page in all_pages() if page.generated], ids=lambda page: page.path)
def test_generated_parts_are_up_to_date(page: Page) -> None:
    for name, text in page.generated.items():
        assert text == PARTS[name](), "run python -m tests.docs"


def test_every_generated_part_stands_on_a_page() -> None:
    assert {name for page in all_pages() for name in page.generated} == PARTS.keys()


def test_part_that_is_out_of_date_differs(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("<!-- generated: a -->\nold\n<!-- end of what is generated -->\n")
    page = Page("page.md", tmp_path)
    assert page.generated == {"a": "old\n"}
    assert page.with_generated({"a": "new\n"}) == page.text.replace("old", "new")


def test_drawing_shows_every_state_and_every_move() -> None:
    from core.clubs.visit_states import LIFE_CYCLE, VisitMove, VisitState

    shown = drawing(LIFE_CYCLE)
    assert all(re.search(rf"\b{word.value}\b", shown) for word in (*VisitState, *VisitMove))
    fewer = {pair: after for pair, after in LIFE_CYCLE.items() if pair[1] is not VisitMove.DENY}
    assert drawing(fewer) != shown


def test_every_code_of_a_failed_rule_is_in_the_table() -> None:
    constants = {value for value in vars(eligibility).values() if isinstance(value, str) and _CODE.fullmatch(value)}
    codes = constants | set(eligibility.CODE_BY_STATUS.values())
    assert {code for code in codes if f"`{code}`" not in verdict_codes()} == set()


def test_every_finding_of_the_audit_is_explained_and_no_other() -> None:
    explained = re.findall(r"^\| `(audit/[a-z-]+)` \|", Page("docs/how-to/audit-a-log.md").text, re.MULTILINE)
    assert explained == [code.value for code in Code]


def test_every_setting_is_documented_with_its_default_and_what_the_profiles_say() -> None:
    documented = {
        row["variable"]: (row["usual"].strip(), row["profiles"].strip()) for row in _ROW.finditer(CONFIGURATION.text)
    }
    assert documented == {PREFIX + name.upper(): (_usual(name), _profiles(name)) for name in Settings.model_fields}


def _usual(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "must be set"
    if field.default_factory is not None:
        return "the user's data folder"
    return _shown(field.default)


def _profiles(name: str) -> str:
    import tomllib

    said = []
    for profile in ("local", "production"):
        values = tomllib.loads(profile_file(profile).read_text(encoding="utf-8"))
        if name in values:
            said.append(f"{profile}: {_shown(values[name])}")
    return ", ".join(said)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float) and value == int(value):
        return f"`{int(value)}`"
    return f"`{value}`" if value not in ("", (), None) else "none"


def test_every_rule_that_is_cited_is_explained_and_no_other() -> None:
    sources = repository().sources
    cited = set().union(
        *(rules_in(source.text.replace("_", " ")) for source in sources if "tests/docs" not in source.path)
    )
    explained = {found[1] for found in re.finditer(r"^\| ([a-z]+[0-9]+) \|", RULES.text, re.MULTILINE)}
    assert explained == cited, f"{RULES.path} explains the rules that code and tests cite"
