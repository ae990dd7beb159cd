"""Measurements on a real Fabric network: our client against the official one for Node, and the lag of anchors."""
