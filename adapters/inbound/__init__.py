"""What drives the app: REST, gRPC, live streams, jobs. Inbound adapters know use cases and ports, never each other."""
