use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{Index as Pick, select};
use signout_checker::{
    Applied, Change, DigestKey, Index, IssuedBefore, Issuer, JwtId, Reach, Reason, Revocation,
    SessionId, Subject, Target, TargetKind, Timestamp, TokenFacts, TokenKind, Verdict,
};

/// What is known of a target, written down as simply as it can be.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    acts: Vec<Revocation>,
    kept_until: u64,
}

/// The index as a list of acts.
#[derive(Default)]
struct Model(BTreeMap<String, Known>);

impl Model {
    fn apply(&mut self, act: &Revocation) {
        let known = self
            .0
            .entry(format!("{:?}", name(&act.target)))
            .or_insert(Known { acts: Vec::new(), kept_until: 0 });
        known.acts.push(act.clone());
        // Rounded up to a minute; beyond 32 bits it is for good.
        let until = act.retain_until.as_secs().div_ceil(60) * 60;
        let until = if until > u64::from(u32::MAX) { u64::MAX } else { until };
        known.kept_until = known.kept_until.max(until);
    }

    fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.0.len();
        self.0.retain(|_, known| known.kept_until >= now.as_secs());
        before - self.0.len()
    }

    fn refuses(&self, target: &Target, issued_at: Option<Timestamp>, kind: TokenKind) -> bool {
        self.0.get(&format!("{:?}", name(target))).is_some_and(|known| {
            let mut acts = known.acts.iter();
            acts.any(|act| act.reach.includes(kind) && act.issued_before.hits(issued_at))
        })
    }

    fn first(&self, target: &Target) -> Option<(Timestamp, Reason)> {
        let acts = &self.0.get(&format!("{:?}", name(target)))?.acts;
        acts.iter().map(|act| (act.revoked_at, act.reason)).min()
    }
}

fn name(target: &Target) -> (TargetKind, &str) {
    let text = match target {
        Target::Token(_, id) => id.as_str(),
        Target::Session(_, id) => id.as_str(),
        Target::Subject(_, id) => id.as_str(),
        Target::Client(_, id) => id.as_str(),
        Target::Issuer(_) => "",
    };
    (target.kind(), text)
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Revocation),
    Expire(Timestamp),
    Reserve(usize),
}

fn op() -> Issuer {
    Issuer::parse("https://op.example").unwrap()
}

fn target() -> impl Strategy<Value = Target> {
    (0..4u8, 0..40u32).prop_map(|(kind, number)| {
        let text = number.to_string();
        match kind {
            0 => Target::Token(op(), JwtId::parse(text).unwrap()),
            1 => Target::Session(op(), SessionId::parse(text).unwrap()),
            2 => Target::Subject(op(), Subject::parse(text).unwrap()),
            _ => Target::Issuer(op()),
        }
    })
}

/// Times that are near each other, and the edges of what is kept in a word.
fn time() -> impl Strategy<Value = Timestamp> {
    let edges = [0, 1, 59, 60, 61, 65_534 * 60, 65_535 * 60, 65_536 * 60, 4_294_967_280];
    let more = [4_294_967_281, 4_294_967_294, 4_294_967_295, 4_294_967_296, u64::MAX];
    prop_oneof![
        0..500u64,
        0..10_000_000u64,
        select(edges.as_slice().to_vec()),
        select(more.to_vec())
    ]
    .prop_map(Timestamp::from_secs)
}

fn cut_off() -> impl Strategy<Value = IssuedBefore> {
    prop_oneof![
        4 => Just(IssuedBefore::EVERYTHING),
        1 => Just(IssuedBefore::NOTHING),
        4 => time().prop_map(IssuedBefore::at),
    ]
}

fn act() -> impl Strategy<Value = Revocation> {
    let reach = (any::<bool>(), any::<bool>())
        .prop_map(|(offline, long_lived)| Reach { offline, long_lived });
    (target(), cut_off(), reach, time(), select(Reason::ALL.to_vec()), 0..10_000_000u64).prop_map(
        |(target, issued_before, reach, retain_until, reason, at)| Revocation {
            target,
            issued_before,
            reach,
            retain_until,
            reason,
            revoked_at: Timestamp::from_secs(at),
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => act().prop_map(Step::Apply),
        2 => time().prop_map(Step::Expire),
        1 => (0..3_000usize).prop_map(Step::Reserve),
    ]
}

/// Holds what an index answers against the model, for every target, time and kind of token.
fn same(index: &Index, model: &Model, times: &[Timestamp]) -> Result<(), TestCaseError> {
    let issuer = op();
    let of_issuer = Target::Issuer(issuer.clone());
    for number in 0..40u32 {
        let text = number.to_string();
        let id = JwtId::parse(text.as_str()).unwrap();
        let (sid, sub) = (SessionId::parse(text.as_str()).unwrap(), Subject::parse(text).unwrap());
        let facts = TokenFacts::new(&issuer);
        let asked = [
            (facts.jwt_id(&id), Target::Token(op(), id.clone())),
            (facts.session(&sid), Target::Session(op(), sid.clone())),
            (facts.subject(&sub), Target::Subject(op(), sub.clone())),
        ];
        for (facts, target) in asked {
            for issued_at in times.iter().copied().map(Some).chain([None]) {
                for &kind in TokenKind::ALL {
                    let verdict = index.check(&facts.issued_at(issued_at).kind(kind));
                    let hit = [&target, &of_issuer]
                        .into_iter()
                        .find(|target| model.refuses(target, issued_at, kind));
                    match (verdict, hit) {
                        (Verdict::NotRevoked(_), None) => {}
                        (Verdict::Revoked(revoked), Some(hit)) => {
                            prop_assert_eq!(revoked.target, hit.kind());
                            let told = (revoked.revoked_at, revoked.reason);
                            prop_assert_eq!(Some(told), model.first(hit));
                        }
                        odd => prop_assert!(false, "{odd:?} for {target:?} {issued_at:?} {kind:?}"),
                    }
                }
            }
        }
    }
    for &kind in TargetKind::ALL {
        let known = model.0.values().filter(|known| known.acts[0].target.kind() == kind).count();
        prop_assert_eq!(index.len(kind), known);
    }
    prop_assert_eq!(index.is_empty(), model.0.is_empty());
    Ok(())
}

fn index() -> Index {
    Index::new(DigestKey::from_bytes([3; 16]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn i4_i12_answers_are_those_of_the_model(
        steps in prop::collection::vec(step(), 0..150),
        times in prop::collection::vec(time(), 3),
    ) {
        let (index, mut model) = (index(), Model::default());
        for step in &steps {
            match step {
                Step::Apply(act) => {
                    let change = Change::of(act, index.key());
                    let covered = index.covers(&change);
                    let applied = index.apply(act);
                    prop_assert_eq!(covered, applied == Applied::Unchanged);
                    prop_assert!(index.covers(&change));
                    model.apply(act);
                }
                Step::Expire(now) => prop_assert_eq!(index.expire(*now), model.expire(*now)),
                Step::Reserve(entries) => index.reserve(*entries),
            }
        }
        same(&index, &model, &times)?;
    }

    #[test]
    fn i12_order_and_repetition_do_not_show(
        acts in prop::collection::vec(act(), 1..60),
        picks in prop::collection::vec(any::<Pick>(), 0..120),
        times in prop::collection::vec(time(), 3),
    ) {
        let (one, other, mut model) = (index(), index(), Model::default());
        for act in &acts {
            one.apply(act);
            model.apply(act);
        }
        // Some of them first, in another order, some of them twice; then all of them backwards.
        let picked = picks.iter().map(|pick| pick.get(&acts));
        for act in picked.chain(acts.iter().rev()) {
            other.apply(act);
        }
        for act in &acts {
            let change = Change::of(act, one.key());
            prop_assert!(one.covers(&change) && other.covers(&change));
        }
        same(&one, &model, &times)?;
        same(&other, &model, &times)?;
        // What both keep, they keep equally long.
        for time in times {
            prop_assert_eq!(one.expire(time), other.expire(time));
        }
    }
}
