"""Hyperledger Fabric: a Gateway client that is a library of its own, and the ledger port on top of it."""
