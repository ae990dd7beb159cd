"""The log module: from pending records to leaves, signed checkpoints, anchors and receipts."""
