//! What a mesh can do, as data.

use crate::filter::FilterType;

/// How a mesh chooses among rules that match the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precedence {
    /// As the Gateway API has it: exact path, longest prefix, method, number of headers, number of query parameters.
    Specification,
    /// As linkerd2-proxy has it: length of the path, headers, query parameters, method.
    PathLengthFirst,
}

/// How much fits into a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rules.
    pub rules: usize,
    /// Matches of one rule.
    pub matches_per_rule: usize,
    /// Matches of all rules together.
    pub matches: usize,
    /// Hostnames.
    pub hostnames: usize,
    /// Backends of one rule.
    pub backends_per_rule: usize,
}

impl Limits {
    /// Those of an `HTTPRoute` of the Gateway API v1.5, by the validation of its CRD.
    pub const HTTP_ROUTE: Self =
        Self { rules: 16, matches_per_rule: 64, matches: 128, hostnames: 16, backends_per_rule: 16 };
}

/// What a routing backend and the mesh behind it can do. Whether a release is valid depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The name of the mesh, for messages.
    pub mesh: &'static str,
    /// How the mesh chooses among rules.
    pub precedence: Precedence,
    /// The filters that the mesh has.
    pub filters: &'static [FilterType],
    /// How much fits into a route.
    pub limits: Limits,
}

impl Capabilities {
    /// A mesh that does everything the Gateway API specifies.
    #[must_use]
    pub const fn specification() -> Self {
        Self {
            mesh: "gateway",
            precedence: Precedence::Specification,
            filters: &FilterType::ALL,
            limits: Limits::HTTP_ROUTE,
        }
    }

    /// Whether the mesh has this filter.
    #[must_use]
    pub fn has(&self, filter: FilterType) -> bool {
        self.filters.contains(&filter)
    }
}
