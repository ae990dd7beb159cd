"""The audit: re-checks everything stored of a club's log, and its live rows, against each other and the ledger."""
