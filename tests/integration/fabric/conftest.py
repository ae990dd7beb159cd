"""The networks of the suites; what is asked of a real one alone is collected where Fabric's programs are."""

from tests.support.fabric_backends import backend, ledgers, network, real_networks
from tests.support.fabric_programs import versions

__all__ = ["backend", "ledgers", "network", "real_networks"]

collect_ignore = [] if versions() else ["test_network.py", "test_recordings.py"]
