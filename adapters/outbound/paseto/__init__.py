"""Access tokens in the PASETO format."""
