"""Version 1 of the API: one module of messages and one of services for each proto."""
