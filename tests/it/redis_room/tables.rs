use signout::redis::{Append, Link, Redis, Table};
use signout::sessions::SharedToken;
use signout_checker::{Digest, KeyName, Timestamp, TokenKind};

use super::*;

fn digest(n: u8) -> Digest {
    Digest::from_bytes([n; 16])
}

fn session(n: u8) -> Table {
    Table::Session(digest(n))
}

fn user(n: u8) -> Table {
    Table::Subject(digest(n))
}

/// A token of session 1 and user 2, for so many seconds from now on.
pub(super) fn token(n: u8, lasts: u64) -> SharedToken {
    SharedToken {
        token: digest(n),
        name: Some(KeyName::from_bytes([n; 16])),
        session: Some(digest(1)),
        session_name: Some(KeyName::from_bytes([1; 16])),
        subject: Some(digest(2)),
        kind: TokenKind::Access,
        issued_at: Timestamp::from_secs(now()),
        retain_until: Timestamp::from_secs(now() + lasts),
    }
}

async fn held(link: &mut Link, table: Table) -> Vec<SharedToken> {
    let mut tables = listed(link, &[table]).await.unwrap();
    assert_eq!(tables.len(), 1);
    let mut tokens = tables.remove(0);
    tokens.sort_unstable_by_key(|token| token.token);
    tokens
}

#[tokio::test]
async fn a_token_is_in_the_tables_of_its_session_and_its_user() {
    let (_server, mut link) = founded().await;
    let [a, b] = [token(10, 100), token(11, 100)];
    let of_user = SharedToken { session: None, session_name: None, ..token(12, 100) };
    let of_nobody = SharedToken { subject: None, ..of_user };
    link.register(&[a, b, of_user, of_nobody]).await.unwrap();
    link.register(&[]).await.unwrap();
    assert_eq!(held(&mut link, session(1)).await, [a, b]);
    assert_eq!(held(&mut link, user(2)).await, [a, b, of_user]);
    assert_eq!(held(&mut link, user(1)).await, []);

    link.register(&[a]).await.unwrap();
    assert_eq!(held(&mut link, session(1)).await, [a, b]);
    assert_eq!(listed(&mut link, &[]).await.unwrap(), Vec::<Vec<_>>::new());
}

#[tokio::test]
async fn i4_a_table_outlives_its_tokens() {
    let (server, mut link) = founded().await;
    let key = link_keys(&server).table(session(1));
    let expiry =
        |server: &RedisServer| -> u64 { server.cli(&["PEXPIRETIME", &key]).parse().unwrap() };
    let (short, long, middle) = (token(10, 100), token(11, 300), token(12, 200));
    let ends = |token: &SharedToken| (token.retain_until.as_secs() + 3_600) * 1_000;
    for (register, ends) in [
        (vec![short], ends(&short)),
        (vec![long, short], ends(&long)),
        // It is never shortened.
        (vec![middle], ends(&long)),
        (vec![short], ends(&long)),
    ] {
        link.register(&register).await.unwrap();
        assert_eq!(expiry(&server), ends);
    }
}

fn link_keys(server: &RedisServer) -> signout::redis::Keys {
    Redis::new(&single(server)).unwrap().keys().clone()
}

/// Whoever never stays away for long has a table that never expires.
#[tokio::test]
async fn what_is_over_leaves_a_table() {
    const LIVE: u8 = 3;
    let (server, mut link) = founded().await;
    let over = |n: u16| {
        let mut bytes = [0xee; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let secs = now() - 2 * 3_600;
        SharedToken {
            token: Digest::from_bytes(bytes),
            retain_until: Timestamp::from_secs(secs),
            ..token(0, 0)
        }
    };
    let live: Vec<_> = (0..LIVE).map(|n| token(n, 1_000)).collect();
    link.register(&live).await.unwrap();
    for n in 0..300 {
        link.register(&[over(n)]).await.unwrap();
    }
    let key = link_keys(&server).table(session(1));
    let length: u64 = server.cli(&["HLEN", &key]).parse().unwrap();
    assert!(length < 30, "{length}");
    let held = held(&mut link, session(1)).await;
    assert!(live.iter().all(|token| held.contains(token)));
    // Over for less than an hour may be a matter of clocks.
    let server_full = held.len();
    let fresh = SharedToken { retain_until: Timestamp::from_secs(now() - 60), ..token(99, 0) };
    link.register(&[fresh]).await.unwrap();
    assert!(server_full > 0);
}

/// The others must end all the same.
#[tokio::test]
async fn what_cannot_be_read_is_left_out_and_counted() {
    let server = RedisServer::start();
    let redis = Redis::new(&single(&server)).unwrap();
    let mut link = redis.connect().await.unwrap();
    let good = token(10, 100);
    link.register(&[good]).await.unwrap();
    let key = redis.keys().table(session(1));
    server.cli(&["HSET", &key, "short", "x", &"n".repeat(16), "also short"]);
    assert_eq!(held(&mut link, session(1)).await, [good]);
    assert_eq!(redis.malformed_tokens(), 2);
}

#[tokio::test]
async fn an_append_brings_tables_along() {
    let (_server, mut link) = founded().await;
    let a = token(10, 100);
    link.register(&[a]).await.unwrap();
    let changes = [named(1)];
    let append = Append { link: link_id(1), changes: &changes };
    let tables = [session(9), user(2)];
    let done = link.append_and_read(FIRST, &[append], &tables).await;
    assert_eq!(done, Ok((1, vec![vec![], vec![a]])));
    let done = link.append_and_read(FIRST, &[], &tables).await;
    assert_eq!(done, Ok((0, vec![vec![], vec![a]])));
}

#[tokio::test]
async fn many_at_once() {
    let (_server, mut link) = founded().await;
    let tokens: Vec<_> = (0..=255)
        .flat_map(|n| {
            (0..5).map(move |m| SharedToken {
                token: Digest::from_bytes([[n; 15].as_slice(), &[m]].concat().try_into().unwrap()),
                ..token(0, 100)
            })
        })
        .collect();
    link.register(&tokens).await.unwrap();
    assert_eq!(held(&mut link, session(1)).await.len(), tokens.len());
    assert_eq!(held(&mut link, user(2)).await.len(), tokens.len());
}
