//! Binding and serving.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use prometheus::Registry;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use utoipa::openapi::path::PathItem;
use utoipa_actix_web::AppExt as _;

use super::answer::Failure;
use super::frontchannel::SignOuts;
use super::oauth::Throttle;
use super::{
    ApiKeys, ForwardAuthRules, FrontchannelMetrics, IntrospectionRules, Issuers, Knowledge,
    MaxBodyBytes, Metrics, OAuthMetrics, Stopping, access_log, health,
};
use crate::bearer::Bearers;
use crate::clock::Clock;
use crate::feed::Feed;
use crate::revoker::Revoker;

/// Time for requests under way when the service stops. A commit takes milliseconds.
const DRAIN: Duration = Duration::from_secs(10);
/// From readiness failing to the listener closing, for load balancers to notice.
const NOTICE: Duration = Duration::from_millis(500);
/// A client that sends its head slower than this is cut off.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// What the routes use, one for each dependency.
#[derive(Clone)]
pub struct Server {
    /// Providers.
    pub issuers: Arc<Issuers>,
    /// The way to the journal and the index.
    pub revoker: Revoker,
    /// What is told to those who follow.
    pub feed: Feed,
    /// How old the index may be.
    pub knowledge: Knowledge,
    /// Reads the tokens that reverse proxies bring.
    pub bearers: Arc<Bearers>,
    /// Where they are looked for.
    pub forward_auth: ForwardAuthRules,
    /// How tokens are looked at for resource servers.
    pub introspection: Arc<IntrospectionRules>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who may call the JSON routes.
    pub api_keys: Arc<ApiKeys>,
    /// Metrics of this room.
    pub metrics: Metrics,
    /// Metrics of the OAuth endpoints.
    pub oauth_metrics: OAuthMetrics,
    /// Metrics of front-channel logout.
    pub frontchannel_metrics: FrontchannelMetrics,
    /// All metrics.
    pub registry: Registry,
    /// `server.max_body_bytes`.
    pub max_body: MaxBodyBytes,
    /// Set while stopping.
    pub stopping: Stopping,
}

/// Certificate chain and key, PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Chain, leaf first.
    pub cert_file: PathBuf,
    /// Private key.
    pub key_file: PathBuf,
}

/// Bound sockets: the addresses are known before anything is served.
#[derive(Debug)]
pub struct Listeners {
    outer: TcpListener,
    operators: TcpListener,
}

/// Why the service does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("{key} = \"{address}\": {source}; is another process there?")]
    Bind {
        /// The setting.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or key is no good.
    #[error("{path}: {reason}", path = .path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The server broke.
    #[error("the server stopped: {0}")]
    Io(#[from] io::Error),
}

impl Listeners {
    /// Takes both addresses. Port 0 takes any free one.
    pub fn bind(listen: SocketAddr, metrics_listen: SocketAddr) -> Result<Self, ServeError> {
        let bind = |key, address| {
            TcpListener::bind(address).map_err(|source| ServeError::Bind { key, address, source })
        };
        Ok(Self {
            outer: bind("server.listen", listen)?,
            operators: bind("server.metrics_listen", metrics_listen)?,
        })
    }

    /// Where logouts are taken.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.outer.local_addr()
    }

    /// Where operators ask.
    pub fn operators_address(&self) -> io::Result<SocketAddr> {
        self.operators.local_addr()
    }
}

impl Server {
    /// Serves until `shutdown` is ready, then stops taking requests and ends those under way.
    pub async fn run(
        self,
        listeners: Listeners,
        tls: Option<Tls>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let (stopping, feed) = (self.stopping.clone(), self.feed.clone());
        let operators = self.operators(listeners.operators)?;
        let outer = self.outer(listeners.outer, tls)?;
        let handles = [outer.handle(), operators.handle()];
        let stop = async {
            shutdown.await;
            stopping.begin();
            feed.close();
            drop(feed);
            tokio::time::sleep(NOTICE).await;
            for handle in &handles {
                ServerHandle::stop(handle, true).await;
            }
        };
        let (served, watched, ()) = tokio::join!(outer, operators, stop);
        served?;
        watched?;
        Ok(())
    }

    fn outer(
        self,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> Result<actix_web::dev::Server, ServeError> {
        let others: Arc<[(String, Vec<Method>)]> = super::document()
            .paths
            .paths
            .iter()
            .map(|(path, item)| (path.clone(), methods(item)))
            .collect();
        let issuers = Data::from(self.issuers);
        let throttle = Data::new(Throttle::new(&self.api_keys));
        let api_keys = Data::from(self.api_keys);
        let clock: Data<dyn Clock> = Data::from(self.clock);
        let revoker = Data::new(self.revoker);
        let feed = Data::new(self.feed);
        let knowledge = Data::new(self.knowledge);
        let bearers = Data::from(self.bearers);
        let forward_auth = Data::new(self.forward_auth);
        let introspection = Data::from(self.introspection);
        let sign_outs = Data::new(SignOuts::default());
        let oauth_metrics = Data::new(self.oauth_metrics);
        let frontchannel_metrics = Data::new(self.frontchannel_metrics);
        let metrics = Data::new(self.metrics);
        let max_body = Data::new(self.max_body);
        let server = HttpServer::new(move || {
            let mut app = App::new()
                .wrap(from_fn(access_log::log))
                .app_data(issuers.clone())
                .app_data(api_keys.clone())
                .app_data(clock.clone())
                .app_data(revoker.clone())
                .app_data(feed.clone())
                .app_data(knowledge.clone())
                .app_data(bearers.clone())
                .app_data(forward_auth.clone())
                .app_data(introspection.clone())
                .app_data(sign_outs.clone())
                .app_data(throttle.clone())
                .app_data(oauth_metrics.clone())
                .app_data(frontchannel_metrics.clone())
                .app_data(metrics.clone())
                .app_data(max_body.clone())
                .into_utoipa_app()
                .configure(super::mount)
                .into_app();
            for (path, methods) in others.iter() {
                let methods = methods.clone();
                let refuse = move || {
                    let refusal = Failure::method_not_allowed(&methods);
                    async move { Err::<String, _>(refusal) }
                };
                app = app.service(web::resource(path.as_str()).default_service(web::to(refuse)));
            }
            let nowhere = || async { Err::<String, _>(Failure::not_found()) };
            app.default_service(web::to(nowhere))
        })
        .client_request_timeout(HEAD_WITHIN)
        // What is streamed comes in small pieces, and none of them waits for the next.
        .tcp_nodelay(true)
        .shutdown_timeout(DRAIN.as_secs())
        .disable_signals();
        let server = match tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls.config()?)?,
            None => server.listen(listener)?,
        };
        Ok(server.run())
    }

    fn operators(&self, listener: TcpListener) -> Result<actix_web::dev::Server, ServeError> {
        let registry = Data::new(self.registry.clone());
        let stopping = Data::new(self.stopping.clone());
        let revoker = Data::new(self.revoker.clone());
        let knowledge = Data::new(self.knowledge.clone());
        let issuers = Data::from(Arc::clone(&self.issuers));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(registry.clone())
                .app_data(stopping.clone())
                .app_data(revoker.clone())
                .app_data(knowledge.clone())
                .app_data(issuers.clone())
                .service(health::livez)
                .service(health::readyz)
                .service(health::metrics)
        })
        .workers(1)
        .client_request_timeout(HEAD_WITHIN)
        .shutdown_timeout(DRAIN.as_secs())
        .disable_signals()
        .listen(listener)?;
        Ok(server.run())
    }
}

/// Runs a future on the runtime that the servers need.
pub fn block_on<F: Future>(future: F) -> F::Output {
    actix_web::rt::System::new().block_on(future)
}

impl Tls {
    fn config(&self) -> Result<rustls::ServerConfig, ServeError> {
        let chain = CertificateDer::pem_file_iter(&self.cert_file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(&self.cert_file, &error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key_file)
            .map_err(|error| unusable(&self.key_file, &error))?;
        rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| unusable(&self.cert_file, &error))
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> ServeError {
    ServeError::Tls { path: path.to_owned(), reason: error.to_string() }
}

fn methods(item: &PathItem) -> Vec<Method> {
    let taken = [
        (item.get.is_some(), Method::GET),
        (item.put.is_some(), Method::PUT),
        (item.post.is_some(), Method::POST),
        (item.delete.is_some(), Method::DELETE),
        (item.patch.is_some(), Method::PATCH),
    ];
    taken.into_iter().filter_map(|(taken, method)| taken.then_some(method)).collect()
}
