// Revokes and introspects with openid-client, as a client that knows nothing of signout does.

import * as oauth from 'openid-client'

const [issuer, clientId, secret, access, refresh, granted] = process.argv.slice(2)

function configure(metadata, authentication) {
  return oauth.discovery(new URL(issuer), clientId, metadata, authentication, {
    algorithm: 'oauth2',
    execute: [oauth.allowInsecureRequests],
  })
}

const client = await configure({}, oauth.ClientSecretBasic(secret))
const poster = await configure({}, oauth.ClientSecretPost(secret))
// RFC 9701: the same, signed with the key that the metadata leads to.
const signing = await configure(
  { introspection_signed_response_alg: 'ES256' },
  oauth.ClientSecretBasic(secret),
)
oauth.enableNonRepudiationChecks(signing)

function told(answer) {
  if (answer.active) return `active, of ${answer.client_id}, for ${answer.sub}`
  if (Object.keys(answer).length !== 1) throw new Error(JSON.stringify(answer))
  return 'inactive'
}

const introspect = async (token, by = client) => told(await oauth.tokenIntrospection(by, token))
const revoke = (token, by, hint) => oauth.tokenRevocation(by, token, { token_type_hint: hint })

console.log('access:', await introspect(access))
console.log('signed:', await introspect(access, signing))
console.log('unknown:', await introspect('unknown', poster))
await revoke(access, client, 'access_token')
console.log('access, revoked:', await introspect(access, poster))
console.log('signed, revoked:', await introspect(access, signing))
console.log('granted:', await introspect(granted))
await revoke(refresh, poster, 'refresh_token')
console.log('granted, refresh token revoked:', await introspect(granted))
await oauth.tokenRevocation(client, 'unknown')
console.log('unknown, revoked: no error')
const stranger = await configure({}, oauth.ClientSecretBasic('wrong'))
const refusal = await introspect(granted, stranger).catch((error) => error)
if (refusal.status !== 401) throw refusal
console.log('wrong secret:', (await refusal.response.json()).error)
