"""The architecture document: every promise the system makes to itself, as Protocols and the errors they raise."""
