//! What clients and front channels ask for: a token and its grant, a session that is known.

use signout_checker::{
    Change, ClientId, JwtId, Reason, Revocation, SessionId, Target, TokenFacts, TokenKind, Verdict,
};

use super::{Bench, House, Job, POLICY, at, block_on, op, token};
use crate::journal::Journal;
use crate::revoker::{SessionRequest, TokenRequest};
use crate::sessions::IssuedToken;

fn refresh(jti: &str, sid: &str, sub: &str) -> IssuedToken {
    IssuedToken { kind: TokenKind::Refresh, ..token(jti, sid, sub) }
}

fn of_client(client: &str, token: IssuedToken) -> IssuedToken {
    IssuedToken { client: ClientId::parse(client).ok(), ..token }
}

fn request(jti: &str) -> TokenRequest {
    let jwt_id = JwtId::parse(jti).unwrap();
    TokenRequest { issuer: op(), jwt_id, expires_at: Some(at(3_600)), policy: POLICY }
}

/// Two grants in one session, one in another, and one without any.
fn grants() -> Vec<IssuedToken> {
    let later = IssuedToken { issued_at: at(5), ..token("later", "", "bob") };
    let made = IssuedToken { kind: TokenKind::LongLived, ..token("made", "s", "alice") };
    vec![
        refresh("r", "s", "alice"),
        token("a", "s", "alice"),
        token("b", "s", ""),
        made,
        of_client("other", token("c", "s", "alice")),
        token("d", "t", "alice"),
        refresh("q", "", "bob"),
        token("e", "", "bob"),
        later,
        of_client("other", token("f", "", "bob")),
    ]
}

#[test]
fn rev_7_a_refresh_token_ends_its_grant_and_no_other() {
    for (asked, ended) in [
        ("r", &["r", "a", "b"][..]),
        ("q", &["q", "e"]),
        ("a", &["a"]),
        ("made", &["made"]),
        ("unknown", &[]),
    ] {
        let tokens = grants();
        let house = House::new();
        // One is issued in five seconds, within the leeway.
        house.register(&tokens);
        let carried = block_on(house.revoker.end_token(request(asked), at(0))).unwrap();
        assert_eq!(carried.tokens_hit, ended.len(), "{asked}");
        let all: Vec<_> = tokens.iter().collect();
        assert_eq!(house.refused(&all), ended, "{asked}");
        assert_eq!(house.restart().refused(&all), ended, "{asked} after a restart");
    }
}

#[test]
fn rev_7_a_refresh_token_without_its_client_ends_alone() {
    let nobodys = IssuedToken { client: None, ..refresh("r", "s", "alice") };
    let tokens = [nobodys, token("a", "s", "alice")];
    let house = House::new();
    house.register(&tokens);
    block_on(house.revoker.end_token(request("r"), at(0))).unwrap();
    assert_eq!(house.refused(&[&tokens[0], &tokens[1]]), ["r"]);
}

/// The other instance knows the tokens, this one took the request.
#[test]
fn rev_7_the_grant_ends_where_it_is_registered() {
    for (reason, restart, ended) in [
        (Reason::RevocationRequest, false, &["r", "a", "b"][..]),
        (Reason::RevocationRequest, true, &["r", "a", "b"]),
        (Reason::Admin, false, &["r"]),
    ] {
        let tokens = grants();
        let journal = Journal::open_on(redb::backends::InMemoryBackend::new()).unwrap();
        let mut bench = Bench::on(journal);
        let registered = tokens.iter().map(|token| (token.clone(), POLICY)).collect();
        let (answer, _) = tokio::sync::oneshot::channel();
        let job = Job::Register { tokens: registered, now: at(0), answer };
        bench.writer.take_together([job].into_iter());

        let target = Target::Token(op(), tokens[0].jwt_id.clone());
        let revocation = Revocation::of(target, reason, at(0), at(4_000));
        let change = Change::of(&revocation, bench.index.key());
        bench.index.apply_change(&change);
        bench.writer.take_together([Job::Follow { changes: vec![change] }].into_iter());
        if restart {
            bench = Bench::on(bench.writer.into_journal().unwrap());
        }
        bench.writer.carry_now();
        let refused = |token: &&IssuedToken| {
            let facts = TokenFacts::new(&token.issuer).jwt_id(&token.jwt_id).kind(token.kind);
            matches!(bench.index.check(&facts), Verdict::Revoked(_))
        };
        let refused: Vec<_> = tokens.iter().filter(refused).map(|t| t.jwt_id.as_str()).collect();
        assert_eq!(refused, ended, "{reason:?}, restart: {restart}");
        let first = bench.sessions.token(&op(), &tokens[0].jwt_id);
        assert_eq!(first, None, "it is over");
    }
}

#[test]
fn jwt_12_a_token_that_is_not_registered_is_remembered_as_long_as_it_lives() {
    let house = House::new();
    let eternal = TokenRequest { expires_at: None, ..request("eternal") };
    let month = TokenRequest { expires_at: Some(at(30 * 86_400)), ..request("month") };
    for asked in [eternal, month] {
        block_on(house.revoker.end_token(asked, at(0))).unwrap();
    }
    let refused = |jti: &str, day: i64| {
        house.revoker.index().expire(at(day * 86_400));
        let jwt_id = JwtId::parse(jti).unwrap();
        let verdict = house.revoker.index().check(&TokenFacts::new(&op()).jwt_id(&jwt_id));
        matches!(verdict, Verdict::Revoked(_))
    };
    assert!(refused("month", 30), "until the leeway is over");
    assert!(!refused("month", 31) && refused("eternal", 3_650));
}

#[test]
fn fcl_3_only_a_session_that_is_known_ends() {
    let offline = IssuedToken { kind: TokenKind::OfflineRefresh, ..token("o", "s", "alice") };
    let tokens = [token("a", "s", "alice"), offline, token("b", "t", "alice")];
    let house = House::new();
    house.register(&tokens);
    let end = |sid: &str| {
        let session = SessionId::parse(sid).unwrap();
        let request = SessionRequest { issuer: op(), session, policy: POLICY };
        block_on(house.revoker.end_known_session(request, at(0))).unwrap()
    };
    let before = house.revoker.position();
    assert_eq!((end("unknown").tokens_hit, house.revoker.position()), (0, before));
    assert_eq!(end("s").tokens_hit, 1);
    assert_eq!(house.refused(&[&tokens[0], &tokens[2]]), ["a"], "nothing else of the user");
    let jwt_id = &tokens[1].jwt_id;
    assert!(house.revoker.sessions().token(&op(), jwt_id).is_some(), "nobody spoke of offline");
}
