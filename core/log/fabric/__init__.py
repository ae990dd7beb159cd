"""What Hyperledger Fabric's peers sign, read with nothing but the trust bundle: attested reads of a checkpoint."""
