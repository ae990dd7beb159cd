"""The embedded ledger: one witness on this machine."""
