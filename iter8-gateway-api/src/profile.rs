//! Meshes as data: what each of them does with a route.

use std::str::FromStr;

use iter8_core::{Capabilities, FilterType, Limits, Precedence};

const LINKERD: Capabilities = Capabilities {
    mesh: "linkerd",
    precedence: Precedence::PathLengthFirst,
    filters: &[
        FilterType::RequestHeaderModifier,
        FilterType::ResponseHeaderModifier,
        FilterType::RequestRedirect,
    ],
    limits: Limits::HTTP_ROUTE,
};

/// The meshes that are known, the default first.
const MESHES: [Capabilities; 2] = [LINKERD, Capabilities::specification()];

/// A mesh, by what it does with a route.
///
/// ```
/// use iter8_core::FilterType;
/// use iter8_gateway_api::MeshProfile;
///
/// assert_eq!(MeshProfile::default(), MeshProfile::linkerd());
/// assert!(!"linkerd".parse::<MeshProfile>()?.capabilities().has(FilterType::RequestMirror));
/// assert_eq!(
///     "istio".parse::<MeshProfile>().unwrap_err().to_string(),
///     "unknown mesh `istio`; known are `linkerd` and `gateway`"
/// );
/// # Ok::<(), iter8_gateway_api::UnknownMeshError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshProfile {
    capabilities: Capabilities,
}

impl MeshProfile {
    /// Linkerd: rules are chosen by the length of the path first, and requests are not copied.
    #[must_use]
    pub const fn linkerd() -> Self {
        Self { capabilities: LINKERD }
    }

    /// A mesh or gateway that does everything as the Gateway API specifies it.
    #[must_use]
    pub const fn gateway() -> Self {
        Self { capabilities: Capabilities::specification() }
    }

    /// The names that can be parsed, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        MESHES.into_iter().map(|capabilities| capabilities.mesh)
    }

    /// The name of the mesh.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.capabilities.mesh
    }

    /// What the mesh can do.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
}

/// Linkerd.
impl Default for MeshProfile {
    fn default() -> Self {
        Self::linkerd()
    }
}

/// By name.
impl FromStr for MeshProfile {
    type Err = UnknownMeshError;

    fn from_str(text: &str) -> Result<Self, UnknownMeshError> {
        let known = MESHES.into_iter().find(|capabilities| capabilities.mesh == text);
        known
            .map(|capabilities| Self { capabilities })
            .ok_or_else(|| UnknownMeshError { name: text.to_owned() })
    }
}

/// A name that no mesh profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mesh `{name}`; known are {}", known())]
pub struct UnknownMeshError {
    name: String,
}

fn known() -> String {
    MeshProfile::names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}
