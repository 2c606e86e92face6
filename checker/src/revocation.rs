//! One act of revoking: what it hits, what it spares, and until when it must be remembered.

use std::fmt;
use std::time::Duration;

use crate::{ClientId, Issuer, JwtId, SessionId, Subject, Timestamp};

/// What a revocation hits. Never without its issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One token, by its `jti`.
    Token(Issuer, JwtId),
    /// Every token of one session, by its `sid`.
    Session(Issuer, SessionId),
    /// Tokens of one user, by its `sub`.
    Subject(Issuer, Subject),
    /// Tokens issued to one client.
    Client(Issuer, ClientId),
    /// Every token of one issuer.
    Issuer(Issuer),
}

impl Target {
    /// The issuer within which the target means something.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        match self {
            Self::Token(issuer, _)
            | Self::Session(issuer, _)
            | Self::Subject(issuer, _)
            | Self::Client(issuer, _)
            | Self::Issuer(issuer) => issuer,
        }
    }

    /// Which kind of target it is.
    #[must_use]
    pub const fn kind(&self) -> TargetKind {
        match self {
            Self::Token(..) => TargetKind::Token,
            Self::Session(..) => TargetKind::Session,
            Self::Subject(..) => TargetKind::Subject,
            Self::Client(..) => TargetKind::Client,
            Self::Issuer(..) => TargetKind::Issuer,
        }
    }
}

/// A closed set of named values with a stable byte for storage and a stable word for the wire.
macro_rules! closed_set {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $tag:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl $type {
            /// Every value, in a fixed order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word used on the wire and as a metric label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The byte that stands for it in stored data. Never reused for another value.
            #[must_use]
            pub const fn tag(self) -> u8 {
                match self { $(Self::$variant => $tag),* }
            }

            /// The value of a stored byte, if there is one.
            #[must_use]
            pub const fn from_tag(tag: u8) -> Option<Self> {
                match tag { $($tag => Some(Self::$variant),)* _ => None }
            }

            /// The value of a word, if there is one.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

closed_set! {
    /// The kinds of [`Target`].
    TargetKind {
        /// One token.
        Token = b't' "token",
        /// One session.
        Session = b's' "session",
        /// One user.
        Subject = b'u' "subject",
        /// One client.
        Client = b'c' "client",
        /// One issuer.
        Issuer = b'i' "issuer",
    }
}

closed_set! {
    /// Why somebody was signed out.
    Reason {
        /// The provider sent a logout token (OpenID Connect Back-Channel Logout 1.0).
        BackchannelLogout = 1 "backchannel_logout",
        /// The provider loaded the front-channel logout page (Front-Channel Logout 1.0).
        FrontchannelLogout = 2 "frontchannel_logout",
        /// A client asked (RFC 7009).
        RevocationRequest = 3 "revocation_request",
        /// An administrator decided.
        Admin = 4 "admin",
        /// The password was changed.
        PasswordChange = 5 "password_change",
        /// The account was disabled.
        AccountDisabled = 6 "account_disabled",
        /// The provider no longer vouches for the user.
        RecheckFailed = 7 "recheck_failed",
        /// A security event said so (RFC 8417).
        SecurityEvent = 8 "security_event",
    }
}

closed_set! {
    /// The kinds of token that a logout may treat differently.
    TokenKind {
        /// An access token; also what a token of unknown kind is taken for.
        Access = 1 "access",
        /// A refresh token that ends with the login.
        Refresh = 2 "refresh",
        /// A refresh token granted with the scope `offline_access`.
        OfflineRefresh = 3 "offline_refresh",
        /// A token that a user made to outlive logins, such as a Home Assistant long-lived token.
        LongLived = 4 "long_lived",
    }
}

/// A cut-off: tokens issued at or before it are refused.
///
/// Ordered by how much is refused, from [`IssuedBefore::NOTHING`] to [`IssuedBefore::EVERYTHING`];
/// two of them merge to the greater. Kept in 32 bits, so cut-offs beyond the year 2106 refuse
/// everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuedBefore(u32);

impl IssuedBefore {
    /// Refuses no token.
    pub const NOTHING: Self = Self(0);
    /// Refuses every token, whenever it was issued: what ended does not come back.
    pub const EVERYTHING: Self = Self(u32::MAX);

    /// Refuses tokens issued at or before `time`.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
    }

    /// The stricter of the two. Commutative, associative and idempotent.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether a token with this `iat` is hit. A token that does not tell when it was issued
    /// cannot show that it came later.
    #[must_use]
    pub fn hits(self, issued_at: Option<Timestamp>) -> bool {
        match self {
            Self::NOTHING => false,
            Self::EVERYTHING => true,
            Self(cut_off) => issued_at.is_none_or(|iat| iat.as_secs() <= u64::from(cut_off)),
        }
    }

    /// The time of the cut-off, if it is at one.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        let at_one = self != Self::NOTHING && self != Self::EVERYTHING;
        at_one.then(|| Timestamp::from_secs(self.0.into()))
    }

    /// The stored form.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// From the stored form.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The kinds of token that a revocation reaches beyond access and ordinary refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Also refresh tokens granted for offline access, which Back-Channel Logout 1.0, section 2.7
    /// normally spares.
    pub offline: bool,
    /// Also tokens made to outlive logins.
    pub long_lived: bool,
}

impl Reach {
    /// Every kind of token.
    pub const ALL: Self = Self { offline: true, long_lived: true };
    /// What ends with one login.
    pub const LOGIN: Self = Self { offline: false, long_lived: false };

    /// Whether a token of this kind is reached.
    #[must_use]
    pub const fn includes(self, kind: TokenKind) -> bool {
        match kind {
            TokenKind::Access | TokenKind::Refresh => true,
            TokenKind::OfflineRefresh => self.offline,
            TokenKind::LongLived => self.long_lived,
        }
    }
}

/// One act of revoking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What it hits.
    pub target: Target,
    /// Which tokens of the target, by the time they were issued.
    pub issued_before: IssuedBefore,
    /// Which tokens of the target, by kind.
    pub reach: Reach,
    /// It must be remembered at least until here: the expiry of the last token it could hit plus
    /// the largest leeway of any verifier.
    pub retain_until: Timestamp,
    /// Why.
    pub reason: Reason,
    /// When it was decided, by the clock of whoever decided.
    pub revoked_at: Timestamp,
}

impl Revocation {
    /// The largest clock tolerance that any API behind signout is assumed to grant a token after
    /// its `exp`. RFC 9068, section 4 speaks of "no more than a few minutes"; frameworks default to
    /// five.
    pub const LARGEST_LEEWAY: Duration = Duration::from_secs(300);

    /// Revokes the whole target, every kind of token, whenever issued.
    #[must_use]
    pub const fn of(
        target: Target,
        reason: Reason,
        revoked_at: Timestamp,
        retain_until: Timestamp,
    ) -> Self {
        Self {
            target,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until,
            reason,
            revoked_at,
        }
    }

    /// The same with a cut-off.
    #[must_use]
    pub fn issued_before(self, issued_before: IssuedBefore) -> Self {
        Self { issued_before, ..self }
    }

    /// The same, sparing kinds of token.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn i7_cut_off_refuses_its_own_second_and_earlier() {
        let cut_off = IssuedBefore::at(at(100));
        for (issued_at, hit) in
            [(Some(at(99)), true), (Some(at(100)), true), (Some(at(101)), false), (None, true)]
        {
            assert_eq!(cut_off.hits(issued_at), hit, "{issued_at:?}");
        }
    }

    #[test]
    fn a4_cut_offs_merge_to_the_stricter() {
        let all = [
            IssuedBefore::NOTHING,
            IssuedBefore::at(at(1)),
            IssuedBefore::at(at(100)),
            IssuedBefore::EVERYTHING,
        ];
        for a in all {
            for b in all {
                assert_eq!(a.merge(b), b.merge(a));
                for issued_at in [None, Some(at(0)), Some(at(1)), Some(at(50)), Some(at(9_999))] {
                    assert_eq!(
                        a.merge(b).hits(issued_at),
                        a.hits(issued_at) || b.hits(issued_at),
                        "{a:?} {b:?} {issued_at:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn far_cut_offs_refuse_everything() {
        assert_eq!(IssuedBefore::at(Timestamp::MAX), IssuedBefore::EVERYTHING);
        assert!(!IssuedBefore::NOTHING.hits(Some(at(0))));
    }

    #[test]
    fn words_and_tags_are_one_to_one() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_word(reason.as_str()), Some(reason));
            assert_eq!(Reason::from_tag(reason.tag()), Some(reason));
        }
        assert_eq!(TokenKind::from_word("ACCESS"), None);
        assert_eq!(TargetKind::from_tag(0), None);
    }
}
