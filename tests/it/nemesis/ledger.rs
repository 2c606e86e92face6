//! What was asked of the instances, what they acknowledged, and what follows from that.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::harness::dice::Dice;
use super::super::harness::{Op, now};

/// All users of a round.
pub(super) struct Ledger {
    op: Op,
    users: Mutex<Vec<User>>,
    /// Which instance was seen to refuse what.
    seen: Mutex<HashSet<(usize, Fact)>>,
    slowest: Mutex<Duration>,
}

/// One user with two sessions, and how they end.
#[derive(Clone)]
pub(super) struct User {
    pub(super) number: usize,
    pub(super) made: u64,
    pub(super) ends: Ends,
    pub(super) logout_token: String,
    pub(super) tokens: Vec<Token>,
    pub(super) ended: Told,
}

/// A token that is registered somewhere.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) session: char,
    pub(super) told: Told,
}

/// What the logout token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// `sid` alone: the other session goes on.
    Session,
    /// `sub` alone: both sessions end.
    Subject,
    /// `sid` and `sub`: the other session goes on.
    Both,
    /// No logout ever comes.
    Nothing,
}

/// What the instances were told and what they said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// It was sent, and nobody knows what became of it.
    Unanswered,
    /// 200.
    Acknowledged {
        by: usize,
        at: Instant,
    },
}

/// What `/v1/check` can be asked about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    /// `jti` alone.
    Token(usize, usize),
    /// `sid` alone.
    Session(usize, char),
    /// `sub`, of a token from before the logout.
    Subject(usize),
    /// `sub`, of a token from a later login.
    Later(usize),
}

impl Told {
    pub(super) const fn by(self) -> Option<usize> {
        match self {
            Self::Acknowledged { by, .. } => Some(by),
            Self::Nothing | Self::Unanswered => None,
        }
    }

    pub(super) const fn is_known(self) -> bool {
        matches!(self, Self::Acknowledged { .. })
    }
}

impl Ends {
    const ALL: [Self; 6] =
        [Self::Session, Self::Session, Self::Subject, Self::Both, Self::Both, Self::Nothing];
}

impl Fact {
    pub(super) const fn user(self) -> usize {
        match self {
            Self::Token(user, _)
            | Self::Session(user, _)
            | Self::Subject(user)
            | Self::Later(user) => user,
        }
    }
}

impl Ledger {
    pub(super) fn new(op: Op) -> Self {
        Self { op, users: Mutex::default(), seen: Mutex::default(), slowest: Mutex::default() }
    }

    /// Its `[[provider]]`. The run may take longer than a logout token commonly lives.
    pub(super) fn settings(&self) -> String {
        format!("{}max_logout_token_age = \"24h\"\n", self.op.settings())
    }

    /// Enters a new user, and gives the number.
    pub(super) fn add(&self, dice: &mut Dice) -> usize {
        let ends = Ends::ALL[dice.place(Ends::ALL.len())];
        let tokens = dice.place(4);
        self.add_with(ends, &['a', 'b', 'a'][..tokens])
    }

    /// Enters a new user with a token to be registered in each of these sessions.
    pub(super) fn add_with(&self, ends: Ends, sessions: &[char]) -> usize {
        let made = now();
        let token = |&session| Token { session, told: Told::Nothing };
        let tokens = sessions.iter().map(token).collect();
        let mut users = self.users.lock().unwrap();
        let number = users.len();
        let mut claims = self.op.logout_claims(&format!("l{number}"), &session_id(number, 'a'));
        claims["iat"] = json!(made);
        claims["exp"] = json!(made + 86_400);
        if ends == Ends::Subject {
            claims.as_object_mut().unwrap().remove("sid");
        }
        if matches!(ends, Ends::Subject | Ends::Both) {
            claims["sub"] = json!(format!("u{number}"));
        }
        let logout_token = self.op.sign("logout+jwt", &claims);
        let ended = Told::Nothing;
        users.push(User { number, made, ends, logout_token, tokens, ended });
        number
    }

    pub(super) fn count(&self) -> usize {
        self.users.lock().unwrap().len()
    }

    pub(super) fn user(&self, number: usize) -> User {
        self.users.lock().unwrap()[number].clone()
    }

    pub(super) fn users(&self) -> Vec<User> {
        self.users.lock().unwrap().clone()
    }

    /// What is posted to register these of a user's tokens.
    pub(super) fn registration(&self, user: &User, tokens: &[usize]) -> Vec<Value> {
        let number = user.number;
        let claims = |&token: &usize| {
            json!({
                "iss": self.op.issuer, "jti": jwt_id(number, token),
                "sid": session_id(number, user.tokens[token].session), "sub": format!("u{number}"),
                "iat": user.made - 10, "exp": user.made + 7_200,
            })
        };
        tokens.iter().map(claims).collect()
    }

    pub(super) fn tell_tokens(&self, user: usize, tokens: &[usize], told: Told) {
        let user = &mut self.users.lock().unwrap()[user];
        for &token in tokens {
            if !user.tokens[token].told.is_known() {
                user.tokens[token].told = told;
            }
        }
    }

    pub(super) fn tell_ended(&self, user: usize, told: Told) {
        let user = &mut self.users.lock().unwrap()[user];
        if !user.ended.is_known() {
            user.ended = told;
        }
    }

    /// How long an acknowledged logout took.
    pub(super) fn took(&self, time: Duration) {
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = slowest.max(time);
    }

    pub(super) fn slowest(&self) -> Duration {
        *self.slowest.lock().unwrap()
    }

    pub(super) fn question(&self, fact: Fact, user: &User) -> Value {
        let issuer = &self.op.issuer;
        let subject =
            |iat| json!({ "iss": issuer, "sub": format!("u{}", user.number), "iat": iat });
        match fact {
            Fact::Token(number, token) => json!({ "iss": issuer, "jti": jwt_id(number, token) }),
            Fact::Session(number, session) => {
                json!({ "iss": issuer, "sid": session_id(number, session) })
            }
            Fact::Subject(_) => subject(user.made - 10),
            Fact::Later(_) => subject(user.made + 3_600),
        }
    }

    /// Remembers that an instance refuses this, and tells whether that was known.
    pub(super) fn see(&self, instance: usize, fact: Fact) -> bool {
        !self.seen.lock().unwrap().insert((instance, fact))
    }

    pub(super) fn was_seen(&self, instance: usize, fact: Fact) -> bool {
        self.seen.lock().unwrap().contains(&(instance, fact))
    }
}

impl User {
    /// What everybody has to refuse, once everybody has heard of it. Nothing before the logout was
    /// acknowledged; then also what was registered while it was under way, or later.
    pub(super) fn refused(&self) -> Vec<Fact> {
        if !self.ended.is_known() {
            return Vec::new();
        }
        let number = self.number;
        let all = self.ends == Ends::Subject;
        let tokens = || {
            let known = self.tokens.iter().enumerate().filter(|(_, token)| token.told.is_known());
            known.filter(move |(_, token)| all || token.session == 'a')
        };
        let mut facts: Vec<_> = tokens().map(|(token, _)| Fact::Token(number, token)).collect();
        if all {
            facts.push(Fact::Subject(number));
            // A user's logout ends the sessions that are known from their tokens.
            let sessions: HashSet<_> = tokens().map(|(_, token)| token.session).collect();
            facts.extend(sessions.into_iter().map(|session| Fact::Session(number, session)));
        } else {
            facts.push(Fact::Session(number, 'a'));
        }
        facts
    }

    /// What nobody may ever refuse.
    pub(super) fn untouched(&self) -> Vec<Fact> {
        let number = self.number;
        let spared = |session| match self.ends {
            Ends::Session | Ends::Both => session == 'b',
            Ends::Subject => false,
            Ends::Nothing => true,
        };
        let mut facts = vec![Fact::Later(number)];
        for session in ['a', 'b'].into_iter().filter(|session| spared(*session)) {
            facts.push(Fact::Session(number, session));
        }
        for (place, token) in self.tokens.iter().enumerate() {
            if spared(token.session) {
                facts.push(Fact::Token(number, place));
            }
        }
        if self.ends != Ends::Subject {
            facts.push(Fact::Subject(number));
        }
        facts
    }
}

fn session_id(user: usize, session: char) -> String {
    format!("s{user}-{session}")
}

fn jwt_id(user: usize, token: usize) -> String {
    format!("t{user}-{token}")
}

/// Whether a verdict refuses for what is known, rather than for what may be missing.
pub(super) fn refuses(verdict: &Value) -> bool {
    verdict["revoked"] == true && verdict["reason"] != "stale"
}
