//! RFC 8414: where clients find the endpoints.

use reqwest::Method;
use serde_json::json;

use super::*;

const WELL_KNOWN: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json"];

#[tokio::test]
async fn clients_find_the_endpoints() {
    let house = house_with("[introspection]\nissuer = \"https://signout.example/at/\"\n");
    let [metadata, jwks] = WELL_KNOWN;
    let answer = Answer::of(house.service.request(Method::GET, metadata)).await;
    let methods = ["client_secret_basic", "client_secret_post"];
    let expected = json!({
        "issuer": "https://signout.example/at/",
        "revocation_endpoint": "https://signout.example/at/oauth2/revoke",
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": "https://signout.example/at/oauth2/introspect",
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_signing_alg_values_supported": ["ES256"],
        "jwks_uri": "https://signout.example/at/.well-known/jwks.json",
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let keys = Answer::of(house.service.request(Method::GET, jwks)).await.json();
    assert_eq!(
        (&keys["keys"][0]["alg"], &keys["keys"][0]["use"]),
        (&json!("ES256"), &json!("sig"))
    );
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_an_issuer_there_is_nothing_to_tell() {
    let house = house();
    for path in WELL_KNOWN {
        let answer = Answer::of(house.service.request(Method::GET, path)).await;
        assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"));
        assert!(answer.json()["detail"].as_str().unwrap().contains("[introspection]"));
    }
}

#[test]
fn a_key_that_is_none_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .unwrap();
    let section = format!(
        "[introspection]\nissuer = \"https://signout.example\"\nsigning_key_file = {file:?}\n"
    );
    let config = Service::configure(folder.path(), &section);
    let output = Service::command().arg("serve").arg("--config").arg(config).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("key.pem"), "{error}");
    assert!(!error.contains("AAAA"), "{error}");
}
