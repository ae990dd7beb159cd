'use strict';

// Leaves out of the lock where its authors take donations: locks hold no URL. Run by `npm run lock`.

const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const path = join(__dirname, 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
for (const each of Object.values(lock.packages)) {
    delete each.funding;
}
writeFileSync(path, JSON.stringify(lock, null, 2) + '\n');
