"""Chaincode for Hyperledger Fabric: a shim that serves a contract to peers, and the contract `witness`."""
