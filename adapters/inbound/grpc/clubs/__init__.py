"""gRPC for the clubs module: visits so far."""
