//! The rooms by themselves: what each costs without the network. docs/benchmarks.md has figures.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing better to do")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use prometheus::Registry;
use serde_json::{Map, Value, json};
use signout::clock::{Clock as _, SystemClock};
use signout::jose::{Algorithm, Compact, KeyId, KeySet, SigningKey, VerifiedJws};
use signout::journal::{Journal, Record};
use signout::logout_token::{self, EncryptionPolicy, Expected, LogoutToken, MissingExp, TypPolicy};
use signout::replay::Seen;
use signout::revoker::{Metrics, Parts, Policies, Policy, Revoker};
use signout::sessions::IssuedToken;
use signout::settings::{RevokeOffline, SessionReuse, SidScope};
use signout_checker::{
    ClientId, DigestKey, Index, Issuer, JwtId, Reason, Revocation, SessionId, Subject, Target,
    Timestamp, TokenFacts, TokenKind,
};

const ISSUER: &str = "https://op.example/application/o/bench/";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Registered tokens of one session.
const TOKENS: usize = 10;
const POLICY: Policy = Policy {
    sid_scope: SidScope::Session,
    revoke_offline: RevokeOffline::AsTold,
    session_reuse: SessionReuse::Deny,
    max_token_lifetime: Duration::from_secs(86_400),
    leeway: Duration::from_secs(60),
    max_logout_token_age: Duration::from_secs(300),
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    verify(&mut criterion);
    validate(&mut criterion);
    check(&mut criterion);
    commit(&mut criterion);
    logout(&mut criterion);
    criterion.final_summary();
}

/// From the text of a token to verified claims.
fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let (token, keys) = signed(algorithm, &logout_claims(0));
        group.bench_function(algorithm.as_str(), |bencher| {
            bencher.iter(|| keys.verify(&Compact::parse(black_box(&token)).unwrap()).unwrap());
        });
    }
    group.finish();
}

/// From verified claims to a logout token.
fn validate(criterion: &mut Criterion) {
    let (token, keys) = signed(Algorithm::Es256, &logout_claims(0));
    let verified = keys.verify(&Compact::parse(&token).unwrap()).unwrap();
    criterion.bench_function("validate", |bencher| bencher.iter(|| valid(black_box(&verified))));
}

/// From the facts of a token to the verdict. A miss is the rule: its session is not over.
fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    let issuer = issuer();
    for entries in [1_000, 10_000, 100_000, 1_000_000] {
        let index = Index::new(DigestKey::from_bytes([7; 16]));
        for number in 0..entries {
            index.apply(&revocation(&issuer, number));
        }
        for (name, first) in [("hit", 0), ("miss", entries)] {
            // More than the caches of a core hold at a time, and taken in no order.
            let asked: Vec<_> = (0..1 << 14)
                .map(|number: usize| token(first + number.wrapping_mul(7_919) % entries))
                .collect();
            let mut asked = asked.iter().cycle();
            group.bench_function(BenchmarkId::new(name, entries), |bencher| {
                bencher.iter(|| {
                    let facts = TokenFacts::new(&issuer).jwt_id(asked.next());
                    index.check(black_box(&facts))
                });
            });
        }
    }
    group.finish();
}

/// From records to the disk: logouts of ten tokens each.
fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    let folder = folder();
    let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
    for records in [1, 32, 256] {
        let records: Vec<_> = (0..records).map(logout_record).collect();
        group.throughput(Throughput::Elements(records.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(records.len()), |bencher| {
            bencher.iter(|| journal.commit(black_box(&records)).unwrap());
        });
    }
    group.finish();
}

/// From a validated logout token to the answer, through the revoker's thread: one by one, and 32
/// that share commits.
fn logout(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let folder = folder();
    let clock = Arc::new(SystemClock::start());
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    let policies = Policies::default();
    let parts = Parts { path, journal, policies, clock, metrics };
    let (revoker, running, _) = Revoker::start(parts).unwrap();
    let mut group = criterion.benchmark_group("logout of ten tokens");
    let mut sessions = 0..;
    for together in [1, 32] {
        group.throughput(Throughput::Elements(together as u64));
        group.bench_function(BenchmarkId::from_parameter(together), |bencher| {
            let prepare = || {
                let tokens: Vec<_> = sessions.by_ref().take(together).collect();
                tokens.into_iter().map(|session| registered(&revoker, &runtime, session)).collect()
            };
            let end = |tokens: Vec<LogoutToken>| {
                let ended: Vec<_> = tokens
                    .into_iter()
                    .map(|token| {
                        let revoker = revoker.clone();
                        runtime.spawn(async move { revoker.logout(token, POLICY, now()).await })
                    })
                    .collect();
                for ended in ended {
                    assert_eq!(runtime.block_on(ended).unwrap().unwrap().tokens_hit, TOKENS);
                }
            };
            bencher.iter_batched(prepare, end, BatchSize::PerIteration);
        });
    }
    group.finish();
    drop(revoker);
    running.join();
}

/// Registers the tokens of a session and gives the logout token that ends it.
fn registered(revoker: &Revoker, runtime: &tokio::runtime::Runtime, session: usize) -> LogoutToken {
    let tokens = (0..TOKENS).map(|number| (issued(session * TOKENS + number, session), POLICY));
    runtime.block_on(revoker.register(tokens.collect(), now())).unwrap();
    let (token, keys) = signed(Algorithm::Es256, &logout_claims(session));
    valid(&keys.verify(&Compact::parse(&token).unwrap()).unwrap())
}

fn issued(number: usize, session: usize) -> IssuedToken {
    IssuedToken {
        issuer: issuer(),
        jwt_id: token(number),
        session: SessionId::parse(id('s', session)).ok(),
        subject: Subject::parse(id('u', session)).ok(),
        client: ClientId::parse("app").ok(),
        kind: TokenKind::Access,
        issued_at: now(),
        expires_at: now().plus(Duration::from_secs(3_600)),
    }
}

fn valid(verified: &VerifiedJws) -> LogoutToken {
    let client_ids = [ClientId::parse("app").unwrap()];
    let expected = Expected {
        issuer: &issuer(),
        client_ids: &client_ids,
        encryption: EncryptionPolicy::Allow,
        typ: TypPolicy::Allow,
        missing_exp: MissingExp::Deny,
        max_age: Duration::from_secs(3_600),
        leeway: Duration::from_secs(60),
    };
    logout_token::validate(verified, &expected, now()).unwrap()
}

fn logout_claims(session: usize) -> Value {
    let now = now().as_secs();
    json!({
        "iss": ISSUER, "aud": "app", "iat": now, "exp": now + 3_600, "jti": id('l', session),
        "sid": id('s', session), "sub": id('u', session), "events": { EVENT: {} },
    })
}

fn signed(algorithm: Algorithm, claims: &Value) -> (String, KeySet) {
    let key = SigningKey::generate(algorithm, KeyId::parse("bench-1")).unwrap();
    let header = Map::from_iter([("typ".to_owned(), "logout+jwt".into())]);
    let token = key.sign(&header, claims.as_object().unwrap()).unwrap();
    let jwks = json!({ "keys": [key.public_jwk()] }).to_string();
    let admission = KeySet::from_jwks(issuer(), jwks.as_bytes(), &[algorithm]).unwrap();
    (token, admission.keys)
}

fn logout_record(session: usize) -> Record {
    let issuer = issuer();
    let tokens = session * TOKENS..(session + 1) * TOKENS;
    let revocations = tokens.map(|number| revocation(&issuer, number)).collect();
    let jwt_id = JwtId::parse(id('l', session)).unwrap();
    let seen = Seen { issuer, jwt_id, identity: [1; 32], retain_until: now() };
    Record::Revoked { revocations, seen: Some(seen) }
}

fn revocation(issuer: &Issuer, number: usize) -> Revocation {
    let target = Target::Token(issuer.clone(), token(number));
    let (at, until) = (Timestamp::from_secs(1_000), Timestamp::from_secs(1 << 31));
    Revocation::of(target, Reason::BackchannelLogout, at, until)
}

fn issuer() -> Issuer {
    Issuer::parse(ISSUER).unwrap()
}

fn token(number: usize) -> JwtId {
    JwtId::parse(id('t', number)).unwrap()
}

/// Identifiers with the length of a UUID.
fn id(kind: char, number: usize) -> String {
    format!("{kind}{number:08x}-3f0a-4c51-9d3e-5b1a7c90e2f4")
}

fn now() -> Timestamp {
    SystemClock::start().now()
}

/// On the disk that the build is on: `/tmp` may be memory, where fsync costs nothing.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
