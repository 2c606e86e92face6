//! The sockets of the demo: its provider under `/op`, its api at `/orders`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Json, Path};
use actix_web::{App, HttpRequest, HttpServer, get, post};

use super::answer::{DemoOrders, Failure};
use super::server::ServeError;
use crate::demo::{DemoApi, DemoOp, Opened, World};

/// A loopback socket for the demo.
#[derive(Debug)]
pub struct DemoServer(TcpListener);

impl DemoServer {
    /// Takes any free port.
    pub fn bind() -> io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(Self)
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves until `shutdown` is ready.
    pub async fn run(
        self,
        op: Arc<DemoOp>,
        api: DemoApi,
        world: Arc<World>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let (op, api, world) = (Data::from(op), Data::new(api), Data::from(world));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(op.clone())
                .app_data(api.clone())
                .app_data(world.clone())
                .service(discovery)
                .service(jwks)
                .service(sign_out)
                .service(orders)
        })
        .workers(1)
        .disable_signals()
        .listen(self.0)?
        .run();
        let handle = server.handle();
        let stop = async {
            shutdown.await;
            handle.stop(true).await;
        };
        let (served, ()) = tokio::join!(server, stop);
        Ok(served?)
    }
}

#[get("/op/.well-known/openid-configuration")]
async fn discovery(op: Data<DemoOp>) -> Json<serde_json::Value> {
    Json(op.discovery())
}

#[get("/op/jwks")]
async fn jwks(op: Data<DemoOp>) -> Json<serde_json::Value> {
    Json(op.jwks())
}

/// The provider ends a session, as if its user had.
#[post("/op/sign-out/{session}")]
async fn sign_out(world: Data<World>, session: Path<String>) -> Result<String, Failure> {
    world.sign_out_session(&session).await.map_err(|error| Failure::unavailable(error.to_string()))
}

#[get("/orders")]
async fn orders(request: HttpRequest, api: Data<DemoApi>) -> DemoOrders {
    let value = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = value.and_then(|value| value.strip_prefix("Bearer ")) else {
        return DemoOrders::NoToken;
    };
    match api.open(token) {
        Opened::Yes => DemoOrders::Open,
        Opened::Revoked => DemoOrders::Refused("the token was revoked"),
        Opened::Invalid => DemoOrders::Refused("the token is not valid"),
    }
}
