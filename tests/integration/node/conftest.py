"""Networks with contracts in Node; collected only where Fabric's packages for Node are, or can be had."""

from tests.support import node
from tests.support.node_backends import assets, assets_server, backend, network, official_port, real_networks, witness

__all__ = ["assets", "assets_server", "backend", "network", "official_port", "real_networks", "witness"]

collect_ignore_glob = [] if node.ready() else ["test_*.py"]
