'use strict';

// Fabric's official client as a server on loopback: `node client.js` says which port it listens on. Each connection is
// one client of one peer. It sends a line of JSON that says who it is and where the peer is, then requests, each of
// which is answered by one line before the next is read. Bytes travel as base64.

const { createPrivateKey } = require('node:crypto');
const { createServer } = require('node:net');
const { createInterface } = require('node:readline');

const grpc = require('@grpc/grpc-js');
const { checkpointers, connect, hash, signers } = require('@hyperledger/fabric-gateway');

const load = require('./load.js');

const DEADLINE_SECONDS = 30;

const bytes = (text) => Buffer.from(text, 'base64');
const text = (data) => Buffer.from(data).toString('base64');

function opened({ address, roots, msp_id, certificate, private_key }) {
    const client = new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(roots)));
    const deadline = () => ({ deadline: Date.now() + DEADLINE_SECONDS * 1000 });
    const gateway = connect({
        client,
        identity: { mspId: msp_id, credentials: Buffer.from(certificate) },
        signer: signers.newPrivateKeySigner(createPrivateKey(private_key)),
        hash: hash.sha256,
        evaluateOptions: deadline,
        endorseOptions: deadline,
        submitOptions: deadline,
        commitStatusOptions: deadline,
    });
    return { client, gateway };
}

function proposed(network, { chaincode, call, args = [], transient = {}, organizations = [] }) {
    const options = { arguments: args.map(bytes) };
    const secrets = Object.entries(transient).map(([name, value]) => [name, bytes(value)]);
    if (secrets.length > 0) {
        options.transientData = Object.fromEntries(secrets);
    }
    if (organizations.length > 0) {
        options.endorsingOrganizations = organizations;
    }
    return network.getContract(chaincode).newProposal(call, options);
}

async function submit(network, request) {
    const proposal = proposed(network, request);
    const transaction = await proposal.endorse();
    const commit = await transaction.submit();
    const status = await commit.getStatus();
    return {
        answer: text(transaction.getResult()),
        transaction_id: commit.getTransactionId(),
        code: status.code,
        block_number: Number(status.blockNumber),
    };
}

// So many events from a block on, or from behind the transaction of a checkpoint.
async function events(network, { chaincode, block_number, transaction_id, count }) {
    const options = { startBlock: BigInt(block_number) };
    if (transaction_id) {
        options.checkpoint = checkpointers.inMemory();
        await options.checkpoint.checkpointTransaction(BigInt(block_number), transaction_id);
    }
    const found = [];
    const stream = await network.getChaincodeEvents(chaincode, options);
    try {
        for await (const event of stream) {
            found.push({
                name: event.eventName,
                payload: text(event.payload),
                transaction_id: event.transactionId,
                block_number: Number(event.blockNumber),
            });
            if (found.length === count) {
                break;
            }
        }
    } finally {
        stream.close();
    }
    return found;
}

const actions = {
    submit,
    events,
    evaluate: async (network, request) => ({ answer: text(await proposed(network, request).evaluate()) }),
    load: load.run,
};

function told(error) {
    return {
        name: error.name,
        message: error.message,
        code: error.code === undefined ? null : error.code,
        transaction_id: error.transactionId || '',
        details: (error.details || []).map((one) => ({ msp_id: one.mspId, message: one.message })),
    };
}

async function serve(socket) {
    let session;
    try {
        for await (const line of createInterface({ input: socket })) {
            const request = JSON.parse(line);
            if (session === undefined) {
                session = { ...opened(request), channel: request.channel };
                continue;
            }
            const network = session.gateway.getNetwork(session.channel);
            const answer = await actions[request.action](network, request).then(
                (result) => ({ result }),
                (error) => ({ error: told(error) }),
            );
            socket.write(JSON.stringify(answer) + '\n');
        }
    } finally {
        socket.destroy();
        session?.gateway.close();
        session?.client.close();
    }
}

const server = createServer((socket) => serve(socket).catch((error) => console.error(error)));
server.listen(0, '127.0.0.1', () => console.log(`listens on ${server.address().port}`));
