"""Revokes and introspects with Authlib, as a client that knows nothing of signout does."""

import sys

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

issuer, client_id, secret, access, refresh, granted = sys.argv[1:]
server = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
assert server["issuer"] == issuer, server
revocation, introspection = server["revocation_endpoint"], server["introspection_endpoint"]
client = OAuth2Session(client_id, secret, token_endpoint_auth_method="client_secret_basic")
poster = OAuth2Session(client_id, secret, token_endpoint_auth_method="client_secret_post")


def told(answer):
    if not answer["active"]:
        assert answer == {"active": False}, answer
        return "inactive"
    return f"active, of {answer['client_id']}, for {answer['sub']}"


def introspect(token, session=client):
    response = session.introspect_token(introspection, token=token)
    response.raise_for_status()
    return told(response.json())


def signed(token):
    """RFC 9701: the same, signed with the key that the metadata leads to."""
    accept = "application/token-introspection+jwt"
    headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
    response = client.introspect_token(introspection, token=token, headers=headers)
    response.raise_for_status()
    assert response.headers["content-type"] == accept, response.headers
    keys = KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=10).json())
    decoded = jwt.decode(
        response.text, keys, algorithms=server["introspection_signing_alg_values_supported"]
    )
    assert decoded.header["typ"] == "token-introspection+jwt", decoded.header
    assert (decoded.claims["iss"], decoded.claims["aud"]) == (issuer, client_id), decoded.claims
    return told(decoded.claims["token_introspection"])


def revoke(token, session, hint=None):
    session.revoke_token(revocation, token=token, token_type_hint=hint).raise_for_status()


print("access:", introspect(access))
print("signed:", signed(access))
print("unknown:", introspect("unknown", poster))
revoke(access, client, "access_token")
print("access, revoked:", introspect(access, poster))
print("signed, revoked:", signed(access))
print("granted:", introspect(granted))
revoke(refresh, poster, "refresh_token")
print("granted, refresh token revoked:", introspect(granted))
revoke("unknown", client)
print("unknown, revoked: no error")
stranger = OAuth2Session(client_id, "wrong", token_endpoint_auth_method="client_secret_basic")
response = stranger.introspect_token(introspection, token=granted)
assert response.status_code == 401, response
print("wrong secret:", response.json()["error"])
