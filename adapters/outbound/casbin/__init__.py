"""Authorisation decided by Casbin."""
