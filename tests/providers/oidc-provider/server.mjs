// An OpenID provider on loopback, for tests/it/oidc_provider.rs.
//
// Each line of stdin is a JSON object that asks for one more issuer; each line of stdout is one
// that listens. The end of stdin ends the process, so that it cannot outlive the tests.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider from 'oidc-provider';

/** Every client of an issuer, with what sets it apart. */
const CLIENTS = {
  rs256: {},
  ps256: { id_token_signed_response_alg: 'PS256' },
  es256: { id_token_signed_response_alg: 'ES256' },
  eddsa: { id_token_signed_response_alg: 'EdDSA' },
  hs256: { id_token_signed_response_alg: 'HS256' },
  'sub-only': { backchannel_logout_session_required: false },
};
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'];
/** The API that wants to see the session in its access tokens; others get the provider's own form. */
const API_WITH_SID = 'urn:api:with-sid';

// Made once: keys say nothing about issuers, and RSA takes its time.
const jwks = {
  keys: [
    privateJwk('rsa', { modulusLength: 2048 }),
    privateJwk('ec', { namedCurve: 'P-256' }),
    privateJwk('ed25519', {}),
  ],
};

function privateJwk(type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: `test-${type}`, use: 'sig' };
}

function clientsOf({ client_secret, redirect_uri, logout_uri, encryption_key }) {
  const encrypted = encryption_key && {
    jwks: { keys: [encryption_key] },
    id_token_encrypted_response_alg: 'RSA-OAEP-256',
    id_token_encrypted_response_enc: 'A256GCM',
  };
  const special = encrypted ? { ...CLIENTS, encrypted } : CLIENTS;
  return Object.entries(special).map(([client_id, settings]) => ({
    client_id,
    client_secret,
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    backchannel_logout_uri: logout_uri,
    backchannel_logout_session_required: true,
    ...settings,
  }));
}

function provider(issuer, clients) {
  return new Provider(issuer, {
    clients,
    jwks,
    claims: { openid: ['sub'] },
    cookies: { keys: ['only-for-tests'] },
    enabledJWA: {
      idTokenSigningAlgValues: ALGORITHMS,
      idTokenEncryptionAlgValues: ['RSA-OAEP-256'],
      idTokenEncryptionEncValues: ['A256GCM'],
    },
    features: {
      backchannelLogout: { enabled: true },
      encryption: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, audience) => ({
          audience,
          scope: '',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (ctx, token) => (token.aud === API_WITH_SID ? { sid: token.sid } : undefined),
    // Also without offline_access; the default of expiresWithSession then ties it to the session.
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    // The dispatcher that is passed here refuses loopback addresses.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  });
}

async function listen(wanted) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const clients = clientsOf(wanted);
  const op = provider(issuer, clients);
  op.on('server_error', (ctx, error) => console.error(error));
  op.on('backchannel.error', (ctx, error, client) => console.error(client.clientId, error));
  server.on('request', op.callback());
  return { issuer, client_ids: clients.map(({ client_id }) => client_id) };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await listen(JSON.parse(line)))}\n`);
}
process.exit();
