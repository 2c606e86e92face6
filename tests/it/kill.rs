//! kill -9 at random moments under load: what was acknowledged is refused, or known, for ever after.
//!
//! The oracle is this process. It counts a request as acknowledged once the whole answer was read,
//! and sends every request again that was cut off. `KILLS` sets how many kills there are;
//! `KILL_SEED` repeats the choices of an earlier run, though not the scheduler's.

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::harness::dice::{Dice, number_from, random_seed};
use super::harness::{API_KEY, Answer, Op, Service, now, tell, until};

const KILLS: u64 = 500;
/// Then a new journal is begun: a start reads all of it, so that long ones make a slow test.
const KILLS_OF_ONE_JOURNAL: u64 = 125;
/// Milliseconds from ready to the kill, from the first to below the sum; short lives are commoner.
const LIFE: (u64, u64) = (5, 145);
/// One start in so many is killed before it is ready: coming back must survive that too.
const STILLBORN: u64 = 8;
/// Cases of this many lives before are asked about after each kill, and as many of all others.
const RECENT_LIVES: usize = 3;
const SAMPLE: usize = 30;
/// Logouts sent again after each kill.
const REPEATS: usize = 5;
/// Sessions of earlier lives that are ended in the next one.
const CARRIED_OVER: usize = 8;

/// Every acknowledged logout and registration outlives 500 kills (I1, I2, I8), and a logout that
/// is sent again has no second effect (A2).
#[tokio::test]
async fn i2_nothing_acknowledged_is_lost_by_kill_9() {
    let seed = number_from("KILL_SEED").unwrap_or_else(random_seed);
    let kills = number_from("KILLS").unwrap_or(KILLS);
    tell(&format!("kill: KILL_SEED={seed} KILLS={kills}"));
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path(), seed);
    let started = Instant::now();
    while run.kills < kills {
        let journal = tempfile::tempdir().unwrap();
        let enough = kills.min(run.kills + KILLS_OF_ONE_JOURNAL);
        while run.kills < enough {
            if run.dice.below(STILLBORN) == 0 {
                run.kill_before_ready(journal.path());
            }
            let service = run.start(journal.path());
            run.settle(&service).await;
            run.ask_about_some(&service).await;
            run.live_and_die(service).await;
        }
        let service = run.start(journal.path());
        run.settle(&service).await;
        run.ask_about_all(&service).await;
        run.close_the_books();
    }
    tell(&format!("kill: {run}, 0 lost, {} s", started.elapsed().as_secs()));
}

/// SIGTERM: readiness fails first, whoever is still sending is answered, and nothing is lost.
#[tokio::test]
async fn i2_sigterm_answers_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path(), random_seed());
    for _ in 0..2 {
        let mut service = run.start(folder.path());
        run.settle(&service).await;
        run.live_and_stop(&mut service).await;
        assert!(service.wait().success(), "{}", service.log());
        assert_eq!(run.unanswered(), 0, "{}", service.log());
    }
    let service = run.start(folder.path());
    run.ask_about_all(&service).await;
    tell(&format!("sigterm: {run}, 0 lost"));
}

/// A request whose body is still on its way when the listener closes is answered.
#[tokio::test]
async fn i2_sigterm_waits_for_a_request_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let mut service = Service::start(folder.path(), &op.settings());
    let body = format!("logout_token={}", op.logout_token("slow", "s"));
    let (first, rest) = body.split_at(body.len() / 2);
    let mut slow = TcpStream::connect(service.outer).await.unwrap();
    let head = format!(
        "POST /backchannel-logout HTTP/1.1\r\nHost: signout\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{first}",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Connections are accepted in order: once this is answered, the slow one is in the service.
    assert_eq!(service.logout(&op.logout_token("quick", "q")).await.status, 200);

    service.signal("TERM");
    until("the listener is closed", async || TcpStream::connect(service.outer).await.is_err())
        .await;
    slow.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    assert!(service.wait().success(), "{}", service.log());

    let service = Service::start(folder.path(), &op.settings());
    let verdicts = service.post("/v1/check", &json!([{ "iss": op.issuer, "sid": "s" }])).await;
    assert_eq!(verdicts[0]["revoked"], true, "{verdicts}");
}

/// A provider, and all that was ever asked of the service.
struct Run {
    op: Op,
    seed: u64,
    dice: Dice,
    next: Cell<u64>,
    cases: Vec<Case>,
    /// How many cases each life touched. They are the last ones of `cases`.
    lives: Vec<usize>,
    kills: u64,
    stillborn: u64,
    questions: usize,
    /// Acknowledged logouts and tokens of journals that were asked about to the last.
    closed: (usize, usize),
}

impl Run {
    fn new(folder: &Path, seed: u64) -> Self {
        let op = Op::new("home", folder);
        let (dice, next) = (Dice(seed), Cell::new(0));
        Self {
            op,
            seed,
            dice,
            next,
            cases: Vec::new(),
            lives: Vec::new(),
            kills: 0,
            stillborn: 0,
            questions: 0,
            closed: (0, 0),
        }
    }

    fn settings(&self) -> String {
        format!("{}max_logout_token_age = \"24h\"\n", self.op.settings())
    }

    fn start(&self, folder: &Path) -> Service {
        // The log of a request costs more than the request.
        let mut command = Service::command();
        command.env("SIGNOUT_LOG", "info,signout::access=warn,signout::http=warn");
        Service::start_with(folder, &self.settings(), &mut command)
    }

    fn kill_before_ready(&mut self, folder: &Path) {
        let config = Service::configure(folder, &self.settings());
        let mut command = Service::command();
        command.args(["serve", "--config"]).arg(config).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(self.dice.below(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        self.stillborn += 1;
    }

    /// Sends again what was cut off, as providers and APIs should, and some of what was not.
    async fn settle(&mut self, service: &Service) {
        let ended = self.chosen(REPEATS, |case| case.ended == Told::Acknowledged);
        for &number in &ended {
            let answer = service.logout(&self.cases[number].logout_token).await;
            assert_eq!(answer.status, 200, "{self}: {answer:?}");
        }
        let outcomes = service.operators("/metrics").await.body;
        assert_eq!(outcome(&outcomes, "repeated"), ended.len(), "{self}\n{outcomes}");
        assert_eq!(outcome(&outcomes, "applied"), 0, "{self}\n{outcomes}");
        let mut revoked = outcomes.lines().filter(|l| l.starts_with("signout_revocations_total{"));
        assert!(revoked.all(|line| line.ends_with(" 0")), "{self}\n{outcomes}");
        for case in &mut self.cases {
            if case.registered == Told::Unanswered {
                case.register(&self.op, service).await;
            }
            if case.ended == Told::Unanswered {
                case.end(service).await;
            }
        }
        assert_eq!(self.unanswered(), 0, "{self}: a quiet service did not answer");
    }

    async fn live_and_die(&mut self, mut service: Service) {
        let longest = 1 + self.dice.below(LIFE.1);
        let life = LIFE.0 + self.dice.below(longest);
        let killer = async {
            tokio::time::sleep(Duration::from_millis(life)).await;
            service.signal("KILL");
        };
        self.load(&service, &Cell::new(false), killer).await;
        service.kill();
        self.kills += 1;
    }

    /// Clients keep sending until readiness fails, as a load balancer would have them.
    async fn live_and_stop(&mut self, service: &mut Service) {
        let stop = Cell::new(false);
        let operator = async {
            let commits = "signout_journal_commit_seconds_count";
            until("work is under way", async || service.count(commits).await >= 20).await;
            assert_eq!(service.operators("/readyz").await.status, 200);
            service.signal("TERM");
            until("readyz fails", async || service.operators("/readyz").await.status == 503).await;
            let text = service.operators("/readyz?verbose").await.body;
            assert!(text.contains("service: stopping"), "{text}");
            stop.set(true);
        };
        self.load(service, &stop, operator).await;
    }

    /// Four clients at work while something happens to the service.
    async fn load(&mut self, service: &Service, stop: &Cell<bool>, nemesis: impl Future) {
        let mut old = self.carried_over().into_iter();
        let mut dice = [0; 4].map(|_| Dice(self.dice.next())).into_iter();
        let run = &*self;
        let client = async |mut old: Vec<Case>, mut dice: Dice| {
            let mut cases = Vec::new();
            while !stop.get() {
                let mut case = old.pop().unwrap_or_else(|| run.new_case(&mut dice));
                let answered = case.go_on(&run.op, service, dice.below(4) == 0).await;
                cases.push(case);
                if answered.is_none() {
                    break;
                }
            }
            cases.extend(old);
            cases
        };
        let mut next = || client(old.next().unwrap_or_default(), dice.next().unwrap());
        let (a, b, c, d) = (next(), next(), next(), next());
        let (a, b, c, d, _) = tokio::join!(a, b, c, d, nemesis);
        let cases = [a, b, c, d].concat();
        self.lives.push(cases.len());
        self.cases.extend(cases);
    }

    fn new_case(&self, dice: &mut Dice) -> Case {
        let number = self.next.get();
        self.next.set(number + 1);
        Case::new(&self.op, number, Ends::ALL[dice.place(Ends::ALL.len())])
    }

    /// Takes sessions that nobody ended yet out of the books, for the four clients.
    fn carried_over(&mut self) -> Vec<Vec<Case>> {
        let mut chosen = self.chosen(CARRIED_OVER, Case::waits);
        // From the back, so that the places of the others stay.
        chosen.sort_unstable();
        let mut clients = vec![Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for (turn, number) in chosen.into_iter().rev().enumerate() {
            clients[turn % 4].push(self.cases.remove(number));
        }
        clients
    }

    /// Up to `count` cases for which this holds, at random and each once.
    fn chosen(&mut self, count: usize, holds: impl Fn(&Case) -> bool) -> Vec<usize> {
        let mut fitting: Vec<_> =
            self.cases.iter().enumerate().filter(|(_, case)| holds(case)).map(|(n, _)| n).collect();
        for at in 0..count.min(fitting.len()) {
            let other = at + self.dice.place(fitting.len() - at);
            fitting.swap(at, other);
        }
        fitting.truncate(count);
        fitting
    }

    async fn ask_about_some(&mut self, service: &Service) {
        let recent = self.lives.iter().rev().take(RECENT_LIVES).sum();
        let recent = self.cases.len().saturating_sub(recent);
        let mut numbers = self.chosen(SAMPLE, |_| true);
        numbers.extend(recent..self.cases.len());
        self.ask(service, &numbers).await;
    }

    async fn ask_about_all(&mut self, service: &Service) {
        let numbers: Vec<_> = (0..self.cases.len()).collect();
        self.ask(service, &numbers).await;
    }

    async fn ask(&mut self, service: &Service, numbers: &[usize]) {
        let mut asked = Vec::new();
        for &number in numbers {
            self.cases[number].questions(&self.op.issuer, &mut asked);
        }
        // Nobody ever posted anything about these.
        let stranger = format!("stranger-{}", self.dice.next());
        for claim in ["jti", "sid", "sub"] {
            asked.push((json!({ "iss": self.op.issuer, claim: stranger }), Expect::Untouched));
        }
        let mut lost = Vec::new();
        for asked in asked.chunks(1_000) {
            let questions: Vec<_> = asked.iter().map(|(question, _)| question).collect();
            let verdicts = service.post("/v1/check", &json!(questions)).await;
            let verdicts = verdicts.as_array().unwrap();
            assert_eq!(verdicts.len(), asked.len());
            let wrong = asked.iter().zip(verdicts).filter(|((_, e), verdict)| !e.holds(verdict));
            lost.extend(wrong.map(|((q, e), verdict)| format!("{q} is {verdict}, not {e:?}")));
        }
        self.questions += asked.len();
        let log = service.log();
        assert!(lost.is_empty(), "{self}\n{} wrong:\n{}\n{log}", lost.len(), lost.join("\n"));
    }

    /// Acknowledged logouts and tokens.
    fn acknowledged(&self) -> (usize, usize) {
        let ended = self.cases.iter().filter(|case| case.ended == Told::Acknowledged).count();
        let registered: usize = self.cases.iter().map(|case| case.tokens().count()).sum();
        (self.closed.0 + ended, self.closed.1 + registered)
    }

    fn close_the_books(&mut self) {
        self.closed = self.acknowledged();
        self.cases.clear();
        self.lives.clear();
    }

    fn unanswered(&self) -> usize {
        let open = |case: &&Case| [case.registered, case.ended].contains(&Told::Unanswered);
        self.cases.iter().filter(open).count()
    }
}

/// The summary. Whoever lost something did not get here.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ended, registered) = self.acknowledged();
        write!(
            f,
            "seed {}: {} kills under load, {} before ready; {ended} logouts and {registered} tokens \
             acknowledged, {} questions asked",
            self.seed, self.kills, self.stillborn, self.questions
        )
    }
}

/// One user with two sessions, and how the first of them ends.
#[derive(Clone)]
struct Case {
    number: u64,
    made: u64,
    ends: Ends,
    logout_token: String,
    registered: Told,
    ended: Told,
}

/// What the logout token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// `sid` alone; both sessions have registered tokens.
    Session,
    /// `sid` alone, and no token is registered.
    BareSession,
    /// `sub` alone; both sessions have registered tokens.
    Subject,
    /// `sub` alone, and no token is registered.
    BareSubject,
    /// `sid` and `sub`: the other session goes on.
    Both,
    /// No logout ever comes.
    Nothing,
}

/// What the service was told and what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Unanswered,
    Acknowledged,
}

/// What `/v1/check` has to say.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Refused,
    Known,
    Untouched,
}

impl Ends {
    const ALL: [Self; 6] = [
        Self::Session,
        Self::BareSession,
        Self::Subject,
        Self::BareSubject,
        Self::Both,
        Self::Nothing,
    ];

    const fn subject(self) -> bool {
        matches!(self, Self::Subject | Self::BareSubject)
    }

    const fn registers(self) -> bool {
        !matches!(self, Self::BareSession | Self::BareSubject)
    }
}

impl Case {
    fn new(op: &Op, number: u64, ends: Ends) -> Self {
        let made = now();
        let mut claims = op.logout_claims(&format!("l{number}"), &format!("s{number}-a"));
        claims["iat"] = json!(made);
        // The run may take longer than a logout token commonly lives.
        claims["exp"] = json!(made + 86_400);
        if ends.subject() {
            claims.as_object_mut().unwrap().remove("sid");
        }
        if ends.subject() || ends == Ends::Both {
            claims["sub"] = json!(format!("u{number}"));
        }
        let logout_token = op.sign("logout+jwt", &claims);
        Self { number, made, ends, logout_token, registered: Told::Nothing, ended: Told::Nothing }
    }

    /// Its registered tokens: session and `jti`.
    fn tokens(&self) -> impl Iterator<Item = (char, String)> + use<> {
        let number = self.number;
        let some = self.registered == Told::Acknowledged;
        Self::all_tokens(number).filter(move |_| some)
    }

    fn all_tokens(number: u64) -> impl Iterator<Item = (char, String)> {
        let token = move |n| ['a', 'b'].map(|session| (session, format!("t{number}-{session}{n}")));
        (0..2).flat_map(token)
    }

    /// Whether a session is there that somebody may end later.
    fn waits(&self) -> bool {
        let registered = self.registered == Told::Acknowledged;
        registered && self.ended == Told::Nothing && self.ends != Ends::Nothing
    }

    /// One round of a client. `None` if an answer did not come.
    async fn go_on(&mut self, op: &Op, service: &Service, end_later: bool) -> Option<()> {
        if self.ends.registers() && self.registered == Told::Nothing {
            self.register(op, service).await?;
            if end_later {
                return Some(());
            }
        }
        if self.ends == Ends::Nothing { Some(()) } else { self.end(service).await }
    }

    async fn register(&mut self, op: &Op, service: &Service) -> Option<()> {
        self.registered = Told::Unanswered;
        let claims = |(session, jti): (char, String)| {
            json!({
                "iss": op.issuer, "jti": jti, "sid": format!("s{}-{session}", self.number),
                "sub": format!("u{}", self.number), "iat": self.made - 10, "exp": self.made + 3_600,
            })
        };
        let tokens: Vec<_> = Self::all_tokens(self.number).map(claims).collect();
        let request = service.request(Method::POST, "/v1/tokens").bearer_auth(API_KEY);
        let request = request.header("content-type", "application/json");
        let answer = read(request.body(json!(tokens).to_string())).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        for result in answer.json().as_array().unwrap() {
            let status = result["status"].as_str().unwrap();
            assert!(["registered", "already_registered"].contains(&status), "{answer:?}");
        }
        self.registered = Told::Acknowledged;
        Some(())
    }

    async fn end(&mut self, service: &Service) -> Option<()> {
        self.ended = Told::Unanswered;
        let request = service.request(Method::POST, "/backchannel-logout");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = read(request.body(format!("logout_token={}", self.logout_token))).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.ended = Told::Acknowledged;
        Some(())
    }

    /// What follows from what was acknowledged, and nothing from what was not answered.
    fn questions(&self, issuer: &str, asked: &mut Vec<(Value, Expect)>) {
        assert_ne!(self.ended, Told::Unanswered, "ask when nothing is open");
        let number = self.number;
        let ended = self.ended == Told::Acknowledged;
        let all = self.ends.subject();
        for (session, jti) in self.tokens() {
            let refused = ended && (all || session == 'a');
            let expect = if refused { Expect::Refused } else { Expect::Known };
            asked.push((json!({ "iss": issuer, "jti": jti }), expect));
        }
        // A subject's logout marks the sessions that are registered; others are found by `sub`.
        let known = self.registered == Told::Acknowledged;
        for session in ['a', 'b'] {
            let refused = ended && if all { known } else { session == 'a' };
            let expect = if refused { Expect::Refused } else { Expect::Untouched };
            asked.push((json!({ "iss": issuer, "sid": format!("s{number}-{session}") }), expect));
        }
        let sub = format!("u{number}");
        let expect = if ended && all { Expect::Refused } else { Expect::Untouched };
        asked.push((json!({ "iss": issuer, "sub": sub, "iat": self.made - 3_600 }), expect));
        // A later login of the same user.
        let later = json!({ "iss": issuer, "sub": sub, "iat": self.made + 3_600 });
        asked.push((later, Expect::Untouched));
    }
}

impl Expect {
    fn holds(self, verdict: &Value) -> bool {
        let (revoked, known) = (&verdict["revoked"], &verdict["known"]);
        match self {
            Self::Refused => revoked == true && verdict["reason"] == "backchannel_logout",
            Self::Known => revoked == false && known == true,
            Self::Untouched => revoked == false && known == false,
        }
    }
}

/// The whole answer, or nothing if the connection broke before its end.
async fn read(request: reqwest::RequestBuilder) -> Option<Answer> {
    let answer = request.send().await.ok()?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Some(Answer { status, headers, body: answer.text().await.ok()? })
}

fn outcome(metrics: &str, outcome: &str) -> usize {
    let sample = format!(
        "signout_logout_tokens_total{{outcome={outcome:?},provider=\"home\",reason=\"none\"}} "
    );
    let value = metrics.lines().find_map(|line| line.strip_prefix(&sample));
    value.map_or(0, |value| value.parse().unwrap())
}
