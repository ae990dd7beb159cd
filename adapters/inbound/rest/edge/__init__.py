"""What every route shares: reading, refusing, authenticating, answering. No module and no use case is known here."""
