"""Everything that touches the world outside: inbound adapters drive the app, outbound adapters implement the ports."""
