//! What each mesh does with the routes of its Services where that is not what the specification says, or where the
//! specification leaves it to implementations.
//!
//! The facts are data of the simulator's own, so that it cannot share a mistake with what writes the routes: see
//! `meshes`.

mod meshes;

use super::Precedence;
use super::matching;
use super::model::Filter;
use super::objects::{Route, RouteKind};

/// One mesh.
#[derive(Debug)]
pub(super) struct Profile {
    /// Its name in sentences.
    mesh: &'static str,
    http: Filters,
    grpc: Filters,
    pub(super) matching: Matching,
    /// Whether a match that the mesh cannot compile makes the whole route void.
    refuses_matches: bool,
}

/// The filters that a mesh has for one kind of route.
#[derive(Debug)]
struct Filters {
    rules: Place,
    backends: Place,
    /// Whether a copy is made of every request, whatever share of them the mirror asks for.
    copies_all: bool,
}

/// The filters that a mesh has in one place of a route, by the name of their type, and what becomes of all others.
#[derive(Debug)]
struct Place {
    /// None for all that the specification has.
    has: Option<&'static [&'static str]>,
    others: Others,
}

/// What becomes of a filter that a mesh does not have.
#[derive(Clone, Copy, Debug)]
enum Others {
    /// The whole route is not in force.
    VoidRoute,
    /// The backend that has it is as good as missing.
    FailBackend,
    /// It is as if it were not there.
    NoEffect,
    /// Nobody has looked: the simulator carries it out as specified, and says so.
    Unknown,
}

/// How a mesh compares where that is up to the implementation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matching {
    pub(super) headers: Repeated,
    pub(super) query_params: Repeated,
    pub(super) expressions: Expressions,
    pub(super) grpc: Grpc,
}

/// What is compared of several values under one name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Repeated {
    First,
    /// Each; one of them has to fit.
    Any,
    /// All in one, joined by commas.
    Joined,
}

/// How a regular expression covers a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expressions {
    /// Any way of matching the whole value will do.
    Anchored,
    /// The first match that is found has to be the whole value: `a|ab` is not found as `ab`.
    Found,
}

/// What makes a gRPC request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Grpc {
    ContentType,
    /// POST; and a rule without matches takes whatever comes.
    Post,
}

impl Precedence {
    /// The profile of the mesh whose rules these are.
    pub(super) fn profile(self) -> &'static Profile {
        match self {
            Self::Spec => &meshes::SPECIFICATION,
            Self::Linkerd => &meshes::LINKERD,
            Self::Istio => &meshes::ISTIO,
            Self::Cilium => &meshes::CILIUM,
            Self::Kuma => &meshes::KUMA,
        }
    }
}

impl Profile {
    fn filters(&self, kind: RouteKind) -> &Filters {
        match kind {
            RouteKind::Http => &self.http,
            RouteKind::Grpc => &self.grpc,
        }
    }

    /// Why the mesh does not put the route in force, if it does not.
    pub(super) fn refusal(&self, route: &Route) -> Option<String> {
        let Filters { rules, backends, .. } = self.filters(route.kind);
        route.rules.iter().enumerate().find_map(|(number, rule)| {
            let of_backends = rule.backend_refs.iter().find_map(|backend| backends.void(&backend.filters));
            let of_matches = || {
                let mut problems = rule.matches.iter().map(|wanted| matching::unreadable(route.kind, wanted));
                problems.find_map(|problem| problem).filter(|_| self.refuses_matches)
            };
            let problem = rules
                .void(&rule.filters)
                .map(|filter| self.lacks(filter, ""))
                .or_else(|| of_backends.map(|filter| self.lacks(filter, " on a backendRef")));
            let problem = problem.or_else(of_matches)?;
            Some(format!("{problem} (rule {number}), and puts nothing of such a route in force"))
        })
    }

    /// Those of a rule's filters that count.
    pub(super) fn of_rule<'a>(
        &self,
        kind: RouteKind,
        filters: &'a [Filter],
        why: &mut Vec<String>,
    ) -> Vec<&'a Filter> {
        self.that_count(&self.filters(kind).rules, filters, "", why)
    }

    /// Those of a backendRef's filters that count.
    ///
    /// # Errors
    ///
    /// Says why the backend cannot be used.
    pub(super) fn of_backend<'a>(
        &self,
        kind: RouteKind,
        filters: &'a [Filter],
        why: &mut Vec<String>,
    ) -> Result<Vec<&'a Filter>, String> {
        let place = &self.filters(kind).backends;
        let where_ = " on a backendRef";
        match (place.others, place.lacking(filters)) {
            (Others::FailBackend, Some(filter)) => Err(self.lacks(filter, where_)),
            (Others::FailBackend | Others::VoidRoute | Others::NoEffect | Others::Unknown, _) => {
                Ok(self.that_count(place, filters, where_, why))
            }
        }
    }

    /// Whether a mirror copies every request, whatever share it asks for.
    pub(super) fn copies_all(&self, kind: RouteKind) -> bool {
        self.filters(kind).copies_all
    }

    /// The name of the mesh, for sentences.
    pub(super) fn mesh(&self) -> &'static str {
        self.mesh
    }

    fn that_count<'a>(
        &self,
        place: &Place,
        filters: &'a [Filter],
        where_: &str,
        why: &mut Vec<String>,
    ) -> Vec<&'a Filter> {
        let mut counting = Vec::new();
        for filter in filters {
            if place.is_here(filter) {
                counting.push(filter);
                continue;
            }
            let lacks = self.lacks(filter, where_);
            match place.others {
                Others::NoEffect => why.push(format!("{lacks}: it has no effect")),
                Others::VoidRoute | Others::FailBackend | Others::Unknown => {
                    why.push(format!(
                        "{lacks}, as far as is known; this is what the specification makes of it"
                    ));
                    counting.push(filter);
                }
            }
        }
        counting
    }

    fn lacks(&self, filter: &Filter, where_: &str) -> String {
        format!("{} does not have the filter `{}`{where_}", self.mesh, filter.kind)
    }
}

impl Place {
    fn is_here(&self, filter: &Filter) -> bool {
        self.has.is_none_or(|has| has.contains(&filter.kind.as_str()))
    }

    fn lacking<'a>(&self, filters: &'a [Filter]) -> Option<&'a Filter> {
        filters.iter().find(|filter| !self.is_here(filter))
    }

    /// The filter that makes the whole route void.
    fn void<'a>(&self, filters: &'a [Filter]) -> Option<&'a Filter> {
        match self.others {
            Others::VoidRoute => self.lacking(filters),
            Others::FailBackend | Others::NoEffect | Others::Unknown => None,
        }
    }
}
