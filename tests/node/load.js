'use strict';

// Many calls through the official client, so many at a time: how long each took, and how long all of them.

const { performance } = require('node:perf_hooks');

async function once(contract, kind, call, args) {
    if (kind === 'evaluate') {
        await contract.evaluateTransaction(call, ...args);
    } else {
        await contract.submitTransaction(call, ...args);
    }
}

// `calls` holds the arguments of each call, as text.
async function run(network, { chaincode, kind, call, calls, in_flight }) {
    const contract = network.getContract(chaincode);
    const milliseconds = [];
    const waiting = calls.values();
    const began = performance.now();
    const cpu = process.cpuUsage();

    async function worker() {
        for (const args of waiting) {
            const start = performance.now();
            await once(contract, kind, call, args);
            milliseconds.push(performance.now() - start);
        }
    }

    await Promise.all(Array.from({ length: in_flight }, worker));
    const used = process.cpuUsage(cpu);
    return {
        seconds: (performance.now() - began) / 1000,
        milliseconds,
        processor_seconds: (used.user + used.system) / 1e6,
        megabytes: process.memoryUsage.rss() / 1e6,
    };
}

module.exports = { run };
