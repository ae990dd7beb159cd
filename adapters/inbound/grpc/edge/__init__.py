"""What every rpc shares: the chain, reading, refusing, answering. No module and no use case is known here."""
