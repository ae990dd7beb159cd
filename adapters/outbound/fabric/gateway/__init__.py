"""A client of Hyperledger Fabric's Gateway service for asyncio: evaluate, endorse, submit, commit status, events.

Made for Fabric 2.5 and 3.1, and shaped like the official clients for Go, Node and Java: one call for the usual case
(`Contract.submit`), the same in steps (`propose`, `endorse`, `submit`, `status`), and signing elsewhere (`digest`,
`signed_by`). It knows nothing of Concordat but the wire codec.

    identity = Identity(msp_id="HarbourMSP", certificate=certificate_pem)
    peers = [Peer(address="localhost:7051", roots=roots_pem)]
    async with Gateway.connect(peers, identity, signer(private_key_pem)) as gateway:
        contract = gateway.contract("clubs", "assets")
        await contract.submit("CreateAsset", "ring", "gold")
        answer = await contract.evaluate("ReadAsset", "ring")

Tried against contracts in Python and in Node (fabric-shim 2.5.8), and beside the official client for Node
(fabric-gateway 1.11.0), on Fabric v3.1.5 and v2.5.16: either client reads, follows and looks up what the other wrote.

Each stage has an error of its own (EvaluateError, EndorseError, SubmitError, CommitStatusError, CommitError,
EventsError), which carries the transaction id, every detail that the peers gave, and a `Fault`: what kind of trouble it
is, whatever the code said.
"""
