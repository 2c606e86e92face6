//! The cryptography of TLS.

use rustls::crypto::{CryptoProvider, ring};

/// Chooses ring for this process, unless it has chosen already. Without any choice the libraries
/// that follow would panic.
pub(crate) fn install() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread came first, which is as good.
        let _ = ring::default_provider().install_default();
    }
}
