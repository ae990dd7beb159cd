"""The architecture document: every promise that the system makes to itself, as Protocols and the errors that they raise."""
