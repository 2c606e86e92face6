//! Handlers that read their body and answer: what actix-web itself costs. A process of its own,
//! this bench started again with another argument.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use actix_web::web::{self, Bytes, Form};
use actix_web::{App, HttpResponse, HttpServer, get, post};
use serde::Deserialize;

pub(crate) const ARGUMENT: &str = "--serve-empty-handlers";

/// The process. Ended when it goes away.
pub(crate) struct Empty {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Empty {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Deserialize)]
struct LogoutForm {
    #[expect(dead_code, reason = "reading it is the work")]
    logout_token: String,
}

#[post("/backchannel-logout")]
async fn logout(_: Form<LogoutForm>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).finish()
}

#[post("/v1/check")]
async fn check(_: Bytes) -> HttpResponse {
    let body = r#"{"revoked":false,"staleness_ms":0,"known":false}"#;
    HttpResponse::Ok().content_type("application/json").body(body)
}

#[derive(Deserialize)]
struct TokenForm {
    #[expect(dead_code, reason = "reading it is the work")]
    token: String,
}

#[get("/forward-auth")]
async fn forward_auth() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).finish()
}

#[post("/oauth2/introspect")]
async fn introspect(_: Form<TokenForm>) -> HttpResponse {
    let body = concat!(
        r#"{"active":true,"scope":"openid orders","client_id":"app","token_type":"Bearer","#,
        r#""exp":1763700000,"iat":1763696400,"sub":"u00000000-3f0a-4c51-9d3e-5b1a7c90e2f4","#,
        r#""aud":"api","iss":"https://op.example/application/o/bench/","#,
        r#""jti":"t00000000-3f0a-4c51-9d3e-5b1a7c90e2f4"}"#,
    );
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// What is behind a proxy.
async fn application() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Serves until the parent is gone.
pub(crate) fn serve() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let server = HttpServer::new(|| {
        let app = App::new().service(logout).service(check).service(forward_auth);
        app.service(introspect).default_service(web::to(application))
    });
    let server = server.bind("127.0.0.1:0").unwrap();
    println!("{}", server.addrs().first().unwrap());
    actix_web::rt::System::new().block_on(server.run()).unwrap();
}
