//! A Gateway: requests from outside of the mesh.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::proxy::{Proxy, serve};
use super::{MeshError, Response, exchange};

/// A running Gateway of a [`Mesh`](super::Mesh). Dropping it ends it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
#[doc = include_str!("../example_world.txt")]
/// let edge = world.mesh().open_gateway("edge").await?;
/// assert!(edge.url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Gateway {
    pub(super) async fn start(proxy: Proxy) -> Result<Self, MeshError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(MeshError::Listen)?;
        let address = listener.local_addr().map_err(MeshError::Listen)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, proxy));
        Ok(Self { address, _tasks: tasks })
    }

    /// Its URL; the `Host` header of a request is held against the hostnames of the routes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("../example_world.txt")]
    /// assert_ne!(world.mesh().open_gateway("edge").await?.url(), world.mesh().url());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a GET request to the Gateway and reads the whole answer.
    ///
    /// # Errors
    ///
    /// There is no answer, or the request cannot be written down. An answer with any status is no error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("../example_world.txt")]
    /// let edge = world.mesh().open_gateway("edge").await?;
    /// assert_eq!(edge.get("shop.example.com", "/", &[]).await?.status, 404, "no route names it");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Result<Response, MeshError> {
        exchange::get(self.address, host, path, headers).await
    }
}
