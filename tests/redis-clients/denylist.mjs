// Asks the denylist that signout shares through Redis whether a token is refused.
//
// As a module: (await Denylist.open(client)).refused(issuer, { jti: '5f0c', iat: 1763700000 })
// As a command: node denylist.mjs redis://127.0.0.1:6379 signout https://issuer.example --jti 5f0c --iat 1763700000
//
// Needs the package redis. Errors are exceptions, and exit code 2: whoever cannot ask does not know.

import { createHmac } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createClient } from 'redis';

// Which of the three cut-offs is for which kind of token.
const CUT_OFFS = { access: 0, refresh: 0, offline_refresh: 1, long_lived: 2 };
const SPARED = 0;
const ALL = 4294967295;
// The cut-offs, the reason, and when it was revoked.
const FORM = /^(\d+) (\d+) (\d+) (\S+) \d+$/;

/** The denylist of one deployment. */
export class Denylist {
  #client;
  #prefix;
  #key;

  constructor(client, prefix, key) {
    this.#client = client;
    this.#prefix = prefix;
    this.#key = key;
  }

  /** Reads the key under which the deployment names what it denies. */
  static async open(client, prefix = 'signout') {
    const head = `{${prefix}}:head`;
    const [key, directKeys] = await client.hmGet(head, ['key', 'direct_keys']);
    if (directKeys === 'no') throw new Error('signout writes no denylist keys here: set redis.direct_keys = true');
    if (key == null) throw new Error(`${head} has no key: is this the Redis and the prefix of signout?`);
    if (!/^[0-9a-f]{32}$/i.test(key)) throw new Error(`the key in ${head} is not 32 hex digits`);
    return new Denylist(client, prefix, Buffer.from(key, 'hex'));
  }

  /** Why a token with these claims is refused; null if it is not. Asks with one command. */
  async refused(issuer, { jti, sid, sub, clientId, iat, kind = 'access' }) {
    if (!Object.hasOwn(CUT_OFFS, kind)) throw new Error(`a kind is one of ${Object.keys(CUT_OFFS).join(', ')}`);
    const facts = Object.entries({ t: jti, s: sid, u: sub, c: clientId, i: '' });
    const names = facts.filter(([, fact]) => fact != null).map(([tag, fact]) => this.#name(tag, issuer, fact));
    for (const entry of await this.#client.mGet(names)) {
      const reason = entry == null ? null : hit(entry, iat, kind);
      if (reason != null) return reason;
    }
    return null;
  }

  #name(tag, issuer, value) {
    const hmac = createHmac('sha256', this.#key).update(tag);
    for (const part of [issuer, value].map((text) => Buffer.from(text))) {
      // The lengths keep "a" and "bc" apart from "ab" and "c".
      const length = Buffer.alloc(4);
      length.writeUInt32LE(part.length);
      hmac.update(length).update(part);
    }
    return `{${this.#prefix}}:deny:${hmac.digest('hex').slice(0, 32)}`;
  }
}

/** The reason, if this entry refuses a token of this kind and time. */
function hit(entry, iat, kind) {
  const fields = FORM.exec(entry)?.slice(1);
  if (!fields) throw new Error(`an entry of the denylist is not in a form that this client knows: '${entry}'`);
  const cutOff = Number(fields[CUT_OFFS[kind]]);
  if (cutOff === SPARED) return null;
  // A token that does not tell its time may be older than any cut-off.
  return cutOff !== ALL && iat > cutOff ? null : fields[3];
}

function readArguments() {
  const option = { type: 'string' };
  const options = { jti: option, sid: option, sub: option, 'client-id': option, iat: option, kind: option };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const { 'client-id': clientId, iat, ...facts } = values;
  if (positionals.length !== 3) throw new Error('expected three arguments: url prefix issuer');
  if (iat != null && !/^\d+$/.test(iat)) throw new Error('--iat is seconds since 1970');
  return { positionals, facts: { ...facts, clientId, iat: iat == null ? undefined : Number(iat) } };
}

async function main() {
  const { positionals: [url, prefix, issuer], facts } = readArguments();
  const client = createClient({ url, socket: { connectTimeout: 5000, socketTimeout: 5000, reconnectStrategy: false } });
  // The calls below fail as well, and tell.
  client.on('error', () => {});
  try {
    await client.connect();
    const reason = await (await Denylist.open(client, prefix)).refused(issuer, facts);
    console.log(reason == null ? 'not refused' : `refused ${reason}`);
  } finally {
    if (client.isOpen) client.destroy();
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(`denylist: ${error.message || error.code}`);
    process.exitCode = 2;
  });
}
