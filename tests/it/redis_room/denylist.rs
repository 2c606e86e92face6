use signout::redis::{Append, DirectKeys};
use signout_checker::{Change, IssuedBefore, KeyName, Reach, Reason, Timestamp};

use super::*;

const NAME: KeyName = KeyName::from_bytes([0xcd; 16]);
const HOUR: u64 = 3_600;

fn key() -> String {
    format!("{{signout}}:deny:{}", "cd".repeat(16))
}

/// What stands under the name: the value, and when it ends in seconds.
fn standing(server: &RedisServer) -> (String, u64) {
    let expiry = server.cli(&["PEXPIRETIME", &key()]).parse::<u64>().unwrap();
    assert_eq!(expiry % 1_000, 0);
    (server.cli(&["GET", &key()]), expiry / 1_000)
}

#[tokio::test]
async fn a_revoked_target_is_found_without_a_checker() {
    let (server, mut link) = founded().await;
    let change = change(1).named(NAME);
    link.append(FIRST, &[Append { link: link_id(1), changes: &[change] }]).await.unwrap();
    let all = u32::MAX;
    let at = change.revoked_at.as_secs();
    // An hour longer than it must be remembered: the clock of the server may run ahead.
    let expected = (
        format!("{all} {all} {all} backchannel_logout {at}"),
        change.retain_until.as_secs() + HOUR,
    );
    assert_eq!(standing(&server), expected);
}

/// Marks merge like those of the index: the same whatever comes first, and however often.
#[tokio::test]
async fn marks_merge_the_same_in_every_order() {
    let (server, mut link) = founded().await;
    let at = |secs| Timestamp::from_secs(secs);
    let later = |secs| Timestamp::from_secs(now() + secs);
    let base = change(1).named(NAME);
    let marks = [
        Change {
            issued_before: IssuedBefore::at(at(1_000)),
            reach: Reach::LOGIN,
            retain_until: later(100),
            reason: Reason::Admin,
            revoked_at: at(5_000),
            ..base
        },
        Change {
            issued_before: IssuedBefore::at(at(900)),
            reach: Reach { offline: true, long_lived: false },
            retain_until: later(300),
            reason: Reason::PasswordChange,
            revoked_at: at(4_000),
            ..base
        },
        Change {
            issued_before: IssuedBefore::at(at(4_294_967_294)),
            reach: Reach { offline: false, long_lived: true },
            retain_until: later(200),
            reason: Reason::AccountDisabled,
            revoked_at: at(4_000),
            ..base
        },
    ];
    // account_disabled comes before password_change, at the same time.
    let expected = "4294967294 900 4294967294 account_disabled 4000";
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        server.cli(&["DEL", &key()]);
        for n in order {
            link.deny(&[marks[n]]).await.unwrap();
            link.deny(&[marks[n]]).await.unwrap();
        }
        seen.push(standing(&server));
    }
    // All at once, within one call.
    server.cli(&["DEL", &key()]);
    let append = Append { link: link_id(1), changes: &marks };
    link.append(FIRST, &[append]).await.unwrap();
    seen.push(standing(&server));
    let ends = marks[1].retain_until.as_secs() + HOUR;
    for seen in seen {
        assert_eq!(seen, (expected.to_owned(), ends));
    }
}

#[tokio::test]
async fn what_lasts_for_good_lasts_for_good() {
    let (server, mut link) = founded().await;
    let forever = Change { retain_until: Timestamp::MAX, ..change(1).named(NAME) };
    link.deny(&[forever]).await.unwrap();
    assert_eq!(standing(&server).1, Timestamp::MAX.as_secs());
    link.deny(&[change(1).named(NAME)]).await.unwrap();
    assert_eq!(standing(&server).1, Timestamp::MAX.as_secs());
}

#[tokio::test]
async fn keys_that_are_gone_are_noticed_and_written_again() {
    let (server, mut link) = founded().await;
    let changes: Vec<_> = (1..=5).map(named).collect();
    let names: Vec<_> = changes.iter().filter_map(|change| change.name).collect();
    let append = Append { link: link_id(1), changes: &changes };
    link.append(FIRST, &[append]).await.unwrap();
    assert_eq!(link.missing(&names).await, Ok(vec![]));
    for n in ["02", "04"] {
        server.cli(&["DEL", &format!("{{signout}}:deny:{}", n.repeat(16))]);
    }
    assert_eq!(link.missing(&names).await.unwrap(), [names[1], names[3]]);
    link.deny(&changes).await.unwrap();
    assert_eq!(link.missing(&names).await, Ok(vec![]));
    assert_eq!(link.missing(&[]).await, Ok(vec![]));
    let many = vec![named(9); 1_000];
    link.deny(&many).await.unwrap();
}

#[tokio::test]
async fn there_may_be_no_denylist_keys() {
    let server = RedisServer::start();
    let mut config = single(&server);
    config.direct_keys = DirectKeys::Omit;
    let mut link = connect(&config).await;
    found(&mut link, FIRST).await;
    append(&mut link, FIRST, 1).await.unwrap();
    link.deny(&[named(2)]).await.unwrap();
    assert_eq!(link.missing(&[KeyName::from_bytes([1; 16])]).await, Ok(vec![]));
    assert_eq!(server.cli(&["KEYS", "*deny*"]), "");
    // Targets without a name never have a key.
    let mut link = connect(&single(&server)).await;
    link.deny(&[change(3)]).await.unwrap();
    assert_eq!(server.cli(&["KEYS", "*deny*"]), "");
}

/// The name is a MAC under our key: what stands there and is not ours is damage.
#[tokio::test]
async fn damage_is_replaced() {
    let (server, mut link) = founded().await;
    let whole = {
        link.deny(&[change(1).named(NAME)]).await.unwrap();
        standing(&server)
    };
    for damage in
        [&["SET", "KEY", "1 2 3"][..], &["SET", "KEY", "1 2 3 admin -4"], &["LPUSH", "KEY", "x"]]
    {
        server.cli(&["DEL", &key()]);
        let damage: Vec<_> = damage.iter().map(|word| word.replace("KEY", &key())).collect();
        server.cli(&damage.iter().map(String::as_str).collect::<Vec<_>>());
        link.deny(&[change(1).named(NAME)]).await.unwrap();
        let (value, expiry) = standing(&server);
        assert!(expiry.abs_diff(whole.1) <= 60, "{expiry}");
        assert_eq!(value.split(' ').count(), 5, "{value}");
    }
}
