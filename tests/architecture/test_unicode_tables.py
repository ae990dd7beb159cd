"""The contract's answers do not depend on the Python that a peer's chaincode runs on."""

from pathlib import Path

from tests.architecture.planted import plant
from tests.architecture.tree import repository
from tests.architecture.unicode_tables import uses_of_unicode_tables


def test_nothing_that_the_contract_stands_on_asks_a_table_that_grows_with_pythons_versions() -> None:
    assert uses_of_unicode_tables(repository()) == []


def test_what_asks_unicodes_tables_is_reported_and_what_does_not_is_let_be(tmp_path: Path) -> None:
    bad = """\
        import re
        from unicodedata import normalize
        good = text.isprintable()
        lowered = map(str.casefold, names)
        words = text.split()
        NAME = re.compile(r"[^\\s+]{1,255}")
        COUNT = re.compile(r"\\d+", re.IGNORECASE)
        said = f"{text!r}"
        quoted = repr(text)
    """
    good = """\
        import re
        WORD = re.compile(r"\\w+", re.ASCII)
        BYTES = re.compile(rb"\\s+")
        BACKSLASH = re.compile(r"\\\\d")
        lines = text.split("\\n")
        plain = text.isascii()
    """
    files = {"core/log/a.py": bad, "core/log/b.py": good, "core/log/audit/c.py": bad, "app/d.py": bad}
    assert uses_of_unicode_tables(plant(tmp_path, files)) == [
        "core/log/a.py:2: unicodedata",
        "core/log/a.py:3: isprintable",
        "core/log/a.py:4: casefold",
        "core/log/a.py:5: split",
        "core/log/a.py:6: [^\\s+]{1,255}",
        "core/log/a.py:7: IGNORECASE",
        "core/log/a.py:7: \\d+",
        "core/log/a.py:8: !r",
        "core/log/a.py:9: repr",
    ]
