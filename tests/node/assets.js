'use strict';

// A plain asset contract, written as Fabric's documentation teaches it. Nothing here knows of Concordat.

const { createHash } = require('node:crypto');

const { Contract } = require('fabric-contract-api');

class Assets extends Contract {
    async Create(ctx, id, colour) {
        if (await this.Exists(ctx, id)) {
            throw new Error(`the asset ${id} exists already`);
        }
        return this.write(ctx, 'Created', { id, colour, owner: ctx.clientIdentity.getMSPID() });
    }

    async Read(ctx, id) {
        const found = await ctx.stub.getState(id);
        if (found.length === 0) {
            throw new Error(`the asset ${id} does not exist`);
        }
        return found.toString();
    }

    async Exists(ctx, id) {
        const found = await ctx.stub.getState(id);
        return found.length > 0;
    }

    async Paint(ctx, id, colour) {
        const asset = JSON.parse(await this.Read(ctx, id));
        return this.write(ctx, 'Painted', { ...asset, colour });
    }

    // The price comes as transient data, and only its hash is written.
    async Appraise(ctx, id) {
        const price = ctx.stub.getTransient().get('price');
        if (price === undefined) {
            throw new Error('an appraisal needs a price, as transient data');
        }
        const asset = JSON.parse(await this.Read(ctx, id));
        return this.write(ctx, 'Appraised', { ...asset, appraisal: createHash('sha256').update(price).digest('hex') });
    }

    async Delete(ctx, id) {
        await this.Read(ctx, id);
        await ctx.stub.deleteState(id);
    }

    async Range(ctx, start, end) {
        const keys = [];
        for await (const { key } of ctx.stub.getStateByRange(start, end)) {
            keys.push(key);
        }
        return JSON.stringify(keys);
    }

    async write(ctx, event, asset) {
        const written = JSON.stringify(asset);
        await ctx.stub.putState(asset.id, Buffer.from(written));
        ctx.stub.setEvent(event, Buffer.from(written));
        return written;
    }
}

module.exports.contracts = [Assets];
