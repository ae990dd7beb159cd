"""Tests on a real network, collected where Fabric's programs are: the last lines of a run say which of them ran."""

from tests.support.fabric_programs import versions

collect_ignore_glob = [] if versions() else ["test_*.py"]
