"""The verifiable log in pure functions: Merkle trees and tiles, notes and checkpoints, records, disclosures, receipts."""
