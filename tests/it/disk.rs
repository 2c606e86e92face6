//! Full disks and files that are no journal (I15, I16, bcl_29), through real system calls.
//!
//! Without root, a disk is full because the service may not write past a file size (EFBIG). As
//! root, a tiny file system in memory is filled up as well (ENOSPC).

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redb::TableDefinition;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::feed::stream::Stream;
use super::harness::redis::RedisServer;
use super::harness::{Answer, Op, PATIENCE, Service, now, tell, until};

/// A journal takes more logouts than these only if the disk is not full.
const MANY: usize = 2_000;
const TOO_SLOW: &str =
    "signout_logout_tokens_total{outcome=\"unavailable\",provider=\"home\",reason=\"too_slow\"}";
/// Makes writes past the limit fail instead of ending the process.
pub(crate) const LIMITED: &str = r#"trap "" XFSZ; exec "$0" "$@""#;
const LIMITED_TO_NOTHING: &str = r#"ulimit -S -f 0; trap "" XFSZ; exec "$0" "$@""#;
/// A limit that is reached within a page, so that the last write is torn.
const LIMITED_TO_2901_KIB: &str = r#"ulimit -S -f 2901; trap "" XFSZ; exec "$0" "$@""#;

#[tokio::test]
async fn bcl_29_i15_a_full_disk() {
    fill_and_free(&Disk::file_size()).await;
}

#[tokio::test]
async fn bcl_29_i15_a_full_file_system() {
    match Disk::tmpfs() {
        Some(disk) => fill_and_free(&disk).await,
        None => tell("disk: no file system can be mounted here; only the file size was limited"),
    }
}

async fn fill_and_free(disk: &Disk) {
    let mut world = World::new(disk);
    world.log_out("before").await;
    world.register("t", "s0-goes-on").await;
    disk.fill(&world.service);

    let (token, refused) = world.log_out_until_refused().await;
    assert_eq!((refused.status, refused.header("cache-control")), (503, "no-store"), "{refused:?}");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0, "{refused:?}");
    world.nothing_is_taken().await;
    world.only_what_was_acknowledged_is_refused().await;

    disk.free(&world.service);
    world.resumes(&token).await;
    world.restart();
    world.only_what_was_acknowledged_is_refused().await;
    tell(&format!("disk: {}: {} logouts, 0 lost", disk.name(), world.acknowledged.len()));
}

/// What another instance acknowledged while this one's disk was full is refused here at once, is
/// written down when there is room, and is refused after a restart without Redis.
#[tokio::test]
async fn i3_i15_what_is_heard_while_the_disk_is_full() {
    let (disk, elsewhere) = (Disk::file_size(), tempfile::tempdir().unwrap());
    let (op, mut redis) = (Op::new("home", elsewhere.path()), RedisServer::start());
    let settings = format!("{}[redis]\nurls = [{:?}]\n", op.settings(), redis.url());
    let mut here = Service::start_with(disk.folder(), &settings, &mut limited(LIMITED));
    let there = Service::start(elsewhere.path(), &settings);
    let token = |jti: &str, sid: &str| {
        json!({
            "iss": op.issuer, "jti": jti, "sid": sid, "sub": "alice", "iat": now() - 10,
            "exp": now() + 600,
        })
    };
    let tokens = [token("t", "s"), token("u", "other")];
    here.post("/v1/tokens", &json!(tokens)).await;
    let mut stream = Stream::open(&here, None).await;
    disk.fill(&here);
    until("the disk is full", async || {
        let answer = here.call(Method::POST, "/v1/tokens", &token("filler", "filler")).await;
        answer.status == 503
    })
    .await;
    assert_eq!(there.logout(&op.logout_token("l", "s")).await.status, 200);
    let refused = async |service: &Service| {
        // By their `jti` alone: who else belongs to the session is known to this host.
        let questions = json!([{"iss": op.issuer, "jti": "t"}, {"iss": op.issuer, "jti": "u"}]);
        let answers = service.post("/v1/check", &questions).await;
        [&answers[0], &answers[1]]
            .map(|answer| answer["revoked"] == true && answer["reason"] != "stale")
    };
    until("it is refused", async || refused(&here).await == [true, false]).await;
    assert_eq!(here.operators("/readyz").await.status, 503);
    until("Prometheus sees it", async || here.count("signout_journal_up").await == 0).await;

    disk.free(&here);
    until("it resumes", async || here.operators("/readyz").await.status == 200).await;
    until("Prometheus sees it", async || here.count("signout_journal_up").await == 1).await;
    assert_eq!(refused(&here).await, [true, false], "{}", here.log());
    // Those who follow this instance hear of it now: before, it was in no journal.
    stream.changes().await;
    here.kill();
    redis.kill();
    let here = Service::start(disk.folder(), &settings);
    let [revoked, _] = refused(&here).await;
    assert!(revoked, "{}", here.log());
}

/// The disk fills up by the journal's own growth, in the middle of a write; then the service is
/// killed, and started again where it still has no room.
#[tokio::test]
async fn i15_a_journal_that_grows_until_the_disk_is_full() {
    let mut world = World::limited(LIMITED_TO_2901_KIB);
    let mut registered = 0;
    while world.register_many(registered).await == 200 {
        registered += 1;
        assert!(registered < 200, "the limit does not limit");
    }
    // What is smaller may still fit, and may fit again after the journal was reopened.
    let mut slow = 0;
    for number in 0..200 {
        let sid = format!("s{number}");
        let answer = world.logout(&world.home.logout_token(&sid, &sid)).await;
        let before = std::mem::replace(&mut slow, world.service.count(TOO_SLOW).await);
        match answer.status {
            200 => world.acknowledged.push(sid),
            // It was still waiting for its turn, and may have had it since.
            503 if slow > before => {}
            503 => world.refused.push(sid),
            _ => panic!("{answer:?}"),
        }
    }
    world.only_what_was_acknowledged_is_refused().await;
    world.service.kill();
    match attempt(limited(LIMITED_TO_2901_KIB), &world.config()).await {
        Outcome::Serves => {}
        Outcome::Refuses { code, log } => {
            assert_eq!(code, Some(1), "{log}");
            assert!(log.contains("cannot be opened: File too large"), "{log}");
        }
    }
    world.restart();
    world.only_what_was_acknowledged_is_refused().await;
    world.knows(registered).await;
}

/// A first start without room leaves nothing behind that stands in the way of the next one.
#[tokio::test]
async fn i15_a_first_start_on_a_full_disk() {
    for disk in [Some(Disk::file_size()), Disk::tmpfs()].into_iter().flatten() {
        let op = Op::new("home", disk.folder());
        let config = Service::configure(disk.folder(), &op.settings());
        let outcome = attempt(disk.full_from_the_start(), &config).await;
        let Outcome::Refuses { code, log } = outcome else { panic!("{}: it started", disk.name()) };
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains("signout.redb cannot be opened"), "{log}");
        disk.empty();
        let service = Service::start(disk.folder(), &op.settings());
        assert_eq!(service.logout(&op.logout_token("l", "s")).await.status, 200);
    }
}

#[tokio::test]
async fn i15_a_second_process_on_the_journal_refuses() {
    let mut world = World::limited(LIMITED);
    world.log_out("s").await;
    let second = attempt(Service::command(), &world.config()).await;
    let Outcome::Refuses { code, log } = second else { panic!("two processes write one journal") };
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("is in use by another process"), "{log}");
    world.log_out("t").await;
    world.only_what_was_acknowledged_is_refused().await;
}

#[tokio::test]
async fn i16_a_journal_of_a_newer_version_is_refused_and_left_alone() {
    let (world, path) = written().await;
    let db = redb::Database::open(&path).unwrap();
    let write = db.begin_write().unwrap();
    let meta = TableDefinition::<&str, &[u8]>::new("meta");
    write.open_table(meta).unwrap().insert("format", 4_u32.to_le_bytes().as_slice()).unwrap();
    write.commit().unwrap();
    drop(db);
    let outcome = attempt(Service::command(), &world.config()).await;
    let Outcome::Refuses { code, log } = outcome else { panic!("a newer format was read") };
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("has format 4, this version knows up to 3"), "{log}");
}

/// Whatever the file is: it is refused with a reason and left alone, or nothing of it is lost.
#[tokio::test]
async fn i15_a_file_that_is_no_journal_is_refused() {
    let (world, path) = written().await;
    let whole = fs::read(&path).unwrap();
    let garbage: Vec<u8> =
        (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let headless = [vec![0; 4_096], whole[4_096..].to_vec()].concat();
    let files = [
        ("text", b"my shopping list".to_vec()),
        ("garbage", garbage),
        ("a journal without its head", headless),
        ("a byte", vec![0]),
    ];
    for (what, file) in files {
        fs::write(&path, &file).unwrap();
        let outcome = attempt(Service::command(), &world.config()).await;
        let Outcome::Refuses { code, log } = outcome else { panic!("{what}: it started") };
        assert_eq!(code, Some(1), "{what}: {log}");
        assert!(log.contains("signout.redb cannot be"), "{what}: {log}");
        assert!(fs::read(&path).unwrap() == file, "{what}: the file was changed");
    }
}

/// A journal that lost its end, or bytes in the middle, never costs a logout silently.
#[tokio::test]
async fn i15_a_damaged_journal_is_refused_or_told_about() {
    let (mut world, path) = written().await;
    let whole = fs::read(&path).unwrap();
    let cut = (1..12).map(|part| ("cut", whole.len() * part / 12));
    let torn = (0..whole.len()).step_by(4_096).filter(|&at| whole[at] != 0).map(|at| ("torn", at));
    for (damage, at) in cut.chain(torn) {
        let mut file = whole.clone();
        match damage {
            "cut" => file.truncate(at),
            _ => file[at..(at + 512).min(whole.len())].fill(0xa5),
        }
        fs::write(&path, file).unwrap();
        match attempt(Service::command(), &world.config()).await {
            Outcome::Refuses { code, log } => {
                assert_eq!(code, Some(1), "{damage} at {at}: {log}");
                assert!(log.contains("signout.redb cannot be"), "{damage} at {at}: {log}");
            }
            Outcome::Serves => {
                world.restart();
                let told = world.service.log().contains("is damaged");
                let lost = world.wrong().await;
                assert!(
                    told || lost.is_empty(),
                    "{damage} at {at}: {lost:?}\n{}",
                    world.service.log()
                );
                world.service.kill();
            }
        }
    }
}

/// A process that is killed, or finds no room, while it makes the file leaves one with a length
/// and no content. Nothing was acknowledged yet, so nobody needs to be called.
#[tokio::test]
async fn i15_a_journal_that_was_never_finished_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let op = Op::new("home", folder.path());
    let path = folder.path().join("signout.redb");
    for head in [0, 9] {
        let mut file = vec![0; 1_056_768];
        file[9..][..head].fill(7);
        fs::write(&path, file).unwrap();
        let service = Service::start(folder.path(), &op.settings());
        assert_eq!(service.logout(&op.logout_token("l", "s")).await.status, 200);
    }
}

/// A journal with some logouts, and nobody who has it open.
async fn written() -> (World, PathBuf) {
    let mut world = World::limited(LIMITED);
    for number in 0..300 {
        world.log_out(&format!("s{number}")).await;
    }
    assert!(world.service.terminate().success());
    let path = world.folder.join("signout.redb");
    (world, path)
}

/// The file that takes the room of a small file system.
const BALLAST: &str = "ballast";

/// A service with two providers, one of which wants the norm's 400, and what it acknowledged.
struct World {
    home: Op,
    strict: Op,
    service: Service,
    acknowledged: Vec<String>,
    refused: Vec<String>,
    folder: PathBuf,
    _owned: Option<TempDir>,
}

impl World {
    fn new(disk: &Disk) -> Self {
        Self::start(disk.folder(), &mut limited(LIMITED), None)
    }

    fn limited(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        Self::start(&path, &mut limited(script), Some(folder))
    }

    fn start(folder: &Path, command: &mut Command, owned: Option<TempDir>) -> Self {
        let (home, strict) = (Op::new("home", folder), Op::new("strict", folder));
        let service = Service::start_with(folder, &settings(&home, &strict), command);
        let (acknowledged, refused, folder) = (Vec::new(), Vec::new(), folder.to_owned());
        Self { home, strict, service, acknowledged, refused, folder, _owned: owned }
    }

    fn config(&self) -> PathBuf {
        Service::configure(&self.folder, &settings(&self.home, &self.strict))
    }

    fn restart(&mut self) {
        self.service.kill();
        self.service = Service::start(&self.folder, &settings(&self.home, &self.strict));
    }

    async fn logout(&self, token: &str) -> Answer {
        self.service.logout(token).await
    }

    async fn log_out(&mut self, sid: &str) {
        let answer = self.logout(&self.home.logout_token(sid, sid)).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.service.log());
        self.acknowledged.push(sid.to_owned());
    }

    /// The token that found no room, and the answer.
    async fn log_out_until_refused(&mut self) -> (String, Answer) {
        for number in 0..MANY {
            let sid = format!("s{number}");
            let token = self.home.logout_token(&sid, &sid);
            let answer = self.logout(&token).await;
            if answer.status != 200 {
                self.refused.push(sid);
                return (token, answer);
            }
            self.acknowledged.push(sid);
        }
        panic!("the disk is not full after {MANY} logouts");
    }

    fn token(&self, jti: &str, sid: &str) -> Value {
        let claims = self.home.access_claims(jti, sid, "somebody");
        let names = ["iss", "jti", "sid", "sub", "iat", "exp"];
        names.iter().map(|&name| (name.to_owned(), claims[name].clone())).collect()
    }

    async fn register(&self, jti: &str, sid: &str) {
        self.service.post("/v1/tokens", &self.token(jti, sid)).await;
    }

    async fn register_many(&self, batch: usize) -> u16 {
        let token = |n| self.token(&format!("t{batch}-{n}-{n:060}"), &format!("r{batch}-{n}"));
        let tokens: Vec<_> = (0..1_000).map(token).collect();
        self.service.call(Method::POST, "/v1/tokens", &json!(tokens)).await.status
    }

    async fn knows(&self, batches: usize) {
        for batch in 0..batches {
            let question =
                |n| json!({ "iss": self.home.issuer, "jti": format!("t{batch}-{n}-{n:060}") });
            let questions: Vec<_> = (0..1_000).map(question).collect();
            let verdicts = self.service.post("/v1/check", &json!(questions)).await;
            let known = |v: &&Value| v["known"] == true && v["revoked"] == false;
            assert_eq!(verdicts.as_array().unwrap().iter().filter(known).count(), 1_000);
        }
    }
}

/// What holds while the disk is full, and after.
impl World {
    /// Every other way in is shut as well, and operators see why.
    async fn nothing_is_taken(&mut self) {
        let strict = self.logout(&self.strict.logout_token("l", "s")).await;
        assert_eq!(
            (strict.status, strict.header("cache-control")),
            (400, "no-store"),
            "{strict:?}"
        );
        let target =
            json!({ "target": { "iss": self.home.issuer, "sid": "o" }, "reason": "admin" });
        let token = self.token("u", "o");
        for (path, body) in [("/v1/revocations", target), ("/v1/tokens", token)] {
            let answer = self.service.call(Method::POST, path, &body).await;
            assert_eq!(answer.status, 503, "{path} {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0, "{answer:?}");
        }
        self.refused.push("o".to_owned());
        let ready = self.service.operators("/readyz?verbose").await;
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(ready.body.contains("journal: the journal's disk is full"), "{ready:?}");
        assert_eq!(self.service.operators("/livez").await.status, 200);
    }

    async fn only_what_was_acknowledged_is_refused(&self) {
        let wrong = self.wrong().await;
        assert!(wrong.is_empty(), "{wrong:?}\n{}", self.service.log());
    }

    async fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (sids, revoked) in [(&self.acknowledged, true), (&self.refused, false)] {
            for sids in sids.chunks(1_000) {
                let question = |sid| json!({ "iss": self.home.issuer, "sid": sid });
                let questions: Vec<_> = sids.iter().map(question).collect();
                let verdicts = self.service.post("/v1/check", &json!(questions)).await;
                for (sid, verdict) in sids.iter().zip(verdicts.as_array().unwrap()) {
                    if verdict["revoked"] != revoked {
                        wrong.push(format!("{sid} {verdict}"));
                    }
                }
            }
        }
        wrong
    }

    /// The very token that was refused is good, because the attempt left no trace (`bcl_18`).
    async fn resumes(&mut self, token: &str) {
        until("it resumes", async || self.service.operators("/readyz").await.status == 200).await;
        let sid = self.refused.remove(0);
        for outcome in ["applied", "repeated"] {
            let sample = format!(
                "signout_logout_tokens_total{{outcome={outcome:?},provider=\"home\",reason=\"none\"}}"
            );
            let before = self.service.count(&sample).await;
            assert_eq!(self.logout(token).await.status, 200, "{}", self.service.log());
            let counted = self.service.count(&sample).await - before;
            assert_eq!(counted, 1, "{sample}");
        }
        self.acknowledged.push(sid);
        let known = json!([{ "iss": self.home.issuer, "jti": "t" }]);
        let verdicts = self.service.post("/v1/check", &known).await;
        assert_eq!((&verdicts[0]["known"], &verdicts[0]["revoked"]), (&json!(true), &json!(false)));
    }
}

fn settings(home: &Op, strict: &Op) -> String {
    format!("{}{}cannot_persist_status = 400\n", home.settings(), strict.settings())
}

/// A place that can be filled up.
pub(crate) enum Disk {
    /// The service's limit of file sizes is lowered and raised while it runs.
    FileSize(TempDir),
    /// A file takes all the room, and gives it back when it is removed.
    Tmpfs(TempDir),
}

impl Disk {
    pub(crate) fn file_size() -> Self {
        Self::FileSize(tempfile::tempdir().unwrap())
    }

    /// Only root may mount.
    fn tmpfs() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "signout-test"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self::Tmpfs(folder))
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::FileSize(_) => "file size limit (EFBIG)",
            Self::Tmpfs(_) => "tmpfs (ENOSPC)",
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::FileSize(folder) | Self::Tmpfs(folder) => folder.path(),
        }
    }

    fn full_from_the_start(&self) -> Command {
        match self {
            Self::FileSize(_) => limited(LIMITED_TO_NOTHING),
            Self::Tmpfs(folder) => {
                take_all_room(folder.path());
                Service::command()
            }
        }
    }

    fn empty(&self) {
        if let Self::Tmpfs(folder) = self {
            fs::remove_file(folder.path().join(BALLAST)).unwrap();
        }
    }

    pub(crate) fn fill(&self, service: &Service) {
        match self {
            Self::FileSize(_) => limit(service, "0:unlimited"),
            Self::Tmpfs(folder) => take_all_room(folder.path()),
        }
    }

    pub(crate) fn free(&self, service: &Service) {
        match self {
            Self::FileSize(_) => limit(service, "unlimited"),
            Self::Tmpfs(_) => self.empty(),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Tmpfs(folder) = self {
            // Lazily: the service may still have its file open.
            let _ = Command::new("umount").arg("-l").arg(folder.path()).status();
        }
    }
}

/// The service, run by this script.
pub(crate) fn limited(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg("-c").arg(script).arg(Service::command().get_program());
    command
}

fn limit(service: &Service, size: &str) {
    let pid = service.pid().to_string();
    let prlimit =
        Command::new("prlimit").args(["--pid", &pid]).arg(format!("--fsize={size}")).status();
    assert!(prlimit.unwrap().success());
}

fn take_all_room(folder: &Path) {
    let mut ballast = fs::File::create(folder.join(BALLAST)).unwrap();
    while ballast.write_all(&[1; 512]).is_ok() {}
}

/// What became of a start.
enum Outcome {
    Serves,
    Refuses { code: Option<i32>, log: String },
}

/// Starts a service and ends it as soon as it is ready.
async fn attempt(command: Command, config: &Path) -> Outcome {
    let mut command = tokio::process::Command::from(command);
    command.arg("serve").arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut log = String::new();
    let ended = tokio::time::timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(r#""message":"ready""#) {
                child.kill().await.unwrap();
                return Outcome::Serves;
            }
            log = log + &line + "\n";
        }
        let code = child.wait().await.unwrap().code();
        Outcome::Refuses { code, log }
    });
    ended.await.unwrap()
}
