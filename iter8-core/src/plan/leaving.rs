//! Who leaves the Gateways' route.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::name::{Hostname, Namespace};
use crate::observation::Timestamp;
use crate::parent_ref::ParentRef;

/// Gateways and hostnames that have left the document: they keep the rules until the declared ones have them, too, and
/// for as long as a drain takes.
///
/// ```
#[doc = include_str!("../example_release.txt")]
/// let route = plan(&release, &Observation::all_ready(&release)).route.ok_or("no route")?;
/// assert_eq!(route.leaving, None, "nothing has left the document");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeavingGateways {
    /// The Gateways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<ParentRef>,
    /// The hostnames.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<Hostname>,
    /// Declared Gateways for which there is no place in the route before these have gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting_gateways: Vec<ParentRef>,
    /// Declared hostnames likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting_hostnames: Vec<Hostname>,
    /// Since when they drain; `None` until every declared Gateway has accepted the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining_since: Option<Timestamp>,
}

impl LeavingGateways {
    /// Who is leaving, why not yet, and who waits for it.
    ///
    /// ```
    #[doc = include_str!("../example_release.txt")]
    /// let route = plan(&release, &Observation::all_ready(&release)).route.ok_or("no route")?;
    /// let words = route.leaving.map(|leaving| leaving.in_words(&release.key.namespace));
    /// assert_eq!(words, None, "else: Gateway test/old: requests under way may finish");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_words(&self, namespace: &Namespace) -> String {
        let list = |gateways: &[ParentRef], hostnames: &[Hostname]| {
            let gateways = gateways.iter().map(|gateway| gateway.in_words(namespace));
            let hostnames = hostnames.iter().map(|hostname| format!("hostname {hostname}"));
            gateways.chain(hostnames).collect::<Vec<_>>().join(", ")
        };
        let who = list(&self.gateways, &self.hostnames);
        let why = match self.draining_since {
            Some(_) => "requests under way may finish",
            None => "kept until the declared Gateways have accepted the route",
        };
        let waiting = list(&self.waiting_gateways, &self.waiting_hostnames);
        let waiting = if waiting.is_empty() {
            waiting
        } else {
            format!("; one route cannot have besides, yet: {waiting}")
        };
        format!("{who}: {why}{waiting}")
    }

    /// Those of the declared Gateways that have a place in the route.
    pub(crate) fn present_gateways<'a>(
        &'a self,
        declared: &'a [ParentRef],
    ) -> impl Iterator<Item = &'a ParentRef> {
        declared.iter().filter(|gateway| !self.waiting_gateways.contains(gateway))
    }

    /// Those of the declared hostnames that have a place in the route.
    pub(crate) fn present_hostnames<'a>(
        &'a self,
        declared: &'a [Hostname],
    ) -> impl Iterator<Item = &'a Hostname> {
        declared.iter().filter(|hostname| !self.waiting_hostnames.contains(hostname))
    }
}
