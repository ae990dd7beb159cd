"""What protoc makes of `proto/`, and nothing else; `python -m tests.unit.grpc.generating` makes it anew."""
