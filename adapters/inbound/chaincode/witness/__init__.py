"""The contract `witness`: anchors heads of logs for a consortium, and refuses any that does not follow the last one."""
