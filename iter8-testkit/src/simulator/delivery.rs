//! From the rule that won to what backends, mirrors and the client get.

use super::Precedence;
use super::cors;
use super::filter::Passage;
use super::matching;
use super::model::{BackendRef, Filter, ObjectRef, RequestMirror, RouteMatch, Rule};
use super::objects::{Route, RouteSet};
use super::outcome::{Backend, Effect, MatchedRule, Mirror, Outcome};
use super::parent::{ObjectKey, Parent, ParentKind};
use super::precedence::Candidate;
use super::request::Request;

/// What one usable backend gets, the filters of its backendRef, and who gets copies of it.
struct Portion<'a> {
    backend: Backend,
    filters: Vec<&'a Filter>,
    mirrors: Vec<Mirror>,
}

impl RouteSet {
    /// The outcome for a request that `winner` matches.
    pub(super) fn deliver(
        &self,
        parent: &Parent,
        request: &Request,
        winner: &Candidate<'_>,
        why: Vec<String>,
    ) -> Outcome {
        let route = winner.route;
        let mut outcome = Outcome::answer(500, request, why);
        outcome.route = Some(MatchedRule {
            kind: route.kind.as_str(),
            namespace: route.key.namespace.clone(),
            name: route.key.name.clone(),
            rule: winner.rule,
            match_index: winner.match_index,
        });
        let Some(rule) = route.rules.get(winner.rule) else { return outcome };
        let default = RouteMatch::default();
        let matched = rule.matches.get(winner.match_index).unwrap_or(&default);

        let profile = self.precedence_at(parent).profile();
        let filters = profile.of_rule(route.kind, &rule.filters, &mut outcome.why);
        let mut passage = Passage::new(request, matching::prefix(matched));
        if let Err(problem) = passage.apply(filters.iter().copied()) {
            outcome.why.push(format!("the request fails: {problem}"));
            return outcome;
        }
        outcome.take(passage.clone().effect());
        if let Some(redirect) = &outcome.redirect {
            outcome.status = redirect.status;
            outcome.why.push(format!("the rule redirects to `{}`", redirect.location));
            return outcome;
        }
        if cors::is_preflight(request) && filters.iter().any(|filter| filter.kind == "CORS") {
            outcome.status = 204;
            outcome.why.push("a preflight request is answered by the CORS filter".into());
            return outcome;
        }
        outcome.mirrors = self.mirrors(parent, route, &filters, &mut outcome.why);
        let portions = self.share_out(parent, request, route, rule, &mut outcome);
        outcome.settle(portions, &passage);
        outcome
    }

    /// The usable backends of a rule with their shares; what is not usable is entered in the outcome.
    fn share_out<'a>(
        &self,
        parent: &Parent,
        request: &Request,
        route: &Route,
        rule: &'a Rule,
        outcome: &mut Outcome,
    ) -> Vec<Portion<'a>> {
        if rule.backend_refs.is_empty() {
            if parent.kind == ParentKind::Service {
                outcome.why.push(format!("the rule names no backend, so {parent} itself is it"));
                let backend = Backend::whole(&parent.key, Some(request.port()));
                return vec![Portion { backend, filters: vec![], mirrors: vec![] }];
            }
            outcome.why.push("the rule has no backendRefs".into());
            return vec![];
        }
        let total: u64 = rule.backend_refs.iter().map(|backend| u64::from(backend.weight)).sum();
        let mut usable = Vec::new();
        for backend in &rule.backend_refs {
            if backend.weight == 0 {
                outcome.why.push(format!("backend `{}` has weight 0", backend.target.name));
                continue;
            }
            let share = ratio(u64::from(backend.weight), total);
            let profile = self.precedence_at(parent).profile();
            let resolved = self.resolve(parent, route, &backend.target).and_then(|key| {
                Ok((key, profile.of_backend(route.kind, &backend.filters, &mut outcome.why)?))
            });
            match resolved {
                Ok((key, filters)) => {
                    let mut mirrors = self.mirrors(parent, route, &filters, &mut outcome.why);
                    for mirror in &mut mirrors {
                        mirror.percent *= share;
                        let Mirror { name, percent, .. } = mirror;
                        outcome.why.push(format!(
                            "`{name}` gets copies of what goes to backend `{}`, {percent:.1}% of all",
                            backend.target.name
                        ));
                    }
                    let backend = Backend { share, ..Backend::whole(&key, backend.target.port) };
                    usable.push(Portion { backend, filters, mirrors });
                }
                Err(problem) => outcome.fail(backend, share, &problem),
            }
        }
        if total == 0 {
            outcome.why.push("no backendRef has a weight above 0".into());
        }
        usable
    }

    fn mirrors(
        &self,
        parent: &Parent,
        route: &Route,
        filters: &[&Filter],
        why: &mut Vec<String>,
    ) -> Vec<Mirror> {
        let profile = self.precedence_at(parent).profile();
        let mut mirrors = Vec::new();
        for mirror in filters.iter().filter_map(|filter| filter.request_mirror.as_ref()) {
            let mut percent = percent(mirror);
            if profile.copies_all(route.kind) && percent < 100.0 {
                why.push(format!(
                    "{} copies every request, though the mirror is for {percent}% of them",
                    profile.mesh()
                ));
                percent = 100.0;
            }
            match self.resolve(parent, route, &mirror.backend_ref) {
                Ok(ObjectKey { name, .. }) if percent <= 0.0 => {
                    why.push(format!("`{name}` gets copies of 0% of the requests: none"));
                }
                Ok(ObjectKey { namespace, name }) => {
                    mirrors.push(Mirror { namespace, name, port: mirror.backend_ref.port, percent });
                }
                Err(problem) => why.push(format!("nothing is mirrored: {problem}")),
            }
        }
        mirrors
    }

    /// The Service that a reference of the route means.
    ///
    /// # Errors
    ///
    /// Says why it cannot be used.
    pub(super) fn resolve(
        &self,
        parent: &Parent,
        route: &Route,
        reference: &ObjectRef,
    ) -> Result<ObjectKey, String> {
        let kind = reference.kind.as_deref().unwrap_or("Service");
        if !matches!(reference.group.as_deref().unwrap_or_default(), "" | "core") || kind != "Service" {
            return Err(format!("backends of kind `{kind}` are not supported"));
        }
        let namespace = reference.namespace.as_deref().unwrap_or(&route.key.namespace);
        let key = ObjectKey::new(namespace, &reference.name);
        if !self.may_refer(parent, route, &key) {
            return Err(format!(
                "no ReferenceGrant in namespace `{namespace}` lets {route} use Service {key}"
            ));
        }
        let Some(services) = &self.services else { return Ok(key) };
        let service = services.get(&key).ok_or_else(|| format!("Service {key} does not exist"))?;
        let has_port =
            |port: u16| service.ports.is_empty() || service.ports.iter().any(|other| other.port == port);
        match reference.port {
            Some(port) if has_port(port) => Ok(key),
            Some(port) => Err(format!("Service {key} has no port {port}")),
            None => Err(format!("backend `{}` has no port", reference.name)),
        }
    }

    fn may_refer(&self, parent: &Parent, route: &Route, key: &ObjectKey) -> bool {
        let is_parent = parent.kind == ParentKind::Service && parent.key == *key;
        // Linkerd asks for no grant in the mesh.
        let unasked = self.precedence_at(parent) == Precedence::Linkerd;
        if key.namespace == route.key.namespace || is_parent || unasked {
            return true;
        }
        let grants = self.grants.iter().filter(|(grant, _)| grant.namespace == key.namespace);
        grants.into_iter().any(|(_, grant)| {
            grant.from.iter().any(|from| {
                from.group == "gateway.networking.k8s.io"
                    && from.kind == route.kind.as_str()
                    && from.namespace == route.key.namespace
            }) && grant.to.iter().any(|to| {
                matches!(to.group.as_str(), "" | "core")
                    && to.kind == "Service"
                    && to.name.as_ref().is_none_or(|name| name.is_empty() || *name == key.name)
            })
        })
    }
}

impl Outcome {
    /// An answer of the proxy itself.
    pub(super) fn answer(status: u16, request: &Request, why: Vec<String>) -> Self {
        let Effect { request, response_headers, redirect } = Passage::new(request, None).effect();
        Self {
            status,
            route: None,
            passthrough: false,
            backends: vec![],
            failing_share: 0.0,
            request,
            response_headers,
            redirect,
            mirrors: vec![],
            why,
        }
    }

    fn take(&mut self, effect: Effect) {
        self.request = effect.request;
        self.response_headers = effect.response_headers;
        self.redirect = effect.redirect;
    }

    fn fail(&mut self, backend: &BackendRef, share: f64, problem: &str) {
        self.failing_share += share;
        let percent = share * 100.0;
        self.why.push(format!("backend `{}` ({percent:.1}%) cannot be used: {problem}", backend.target.name));
    }

    /// Enters the backends, each with what its own filters do, and the status that follows from them.
    fn settle(&mut self, portions: Vec<Portion<'_>>, passage: &Passage<'_>) {
        let mut effects = Vec::new();
        for Portion { backend, filters, mirrors } in portions {
            let mut own = passage.clone();
            match own.apply(filters) {
                Ok(()) => {
                    effects.push(own.effect());
                    self.backends.push(backend);
                    self.mirrors.extend(mirrors);
                }
                Err(problem) => {
                    self.failing_share += backend.share;
                    self.why.push(format!("backend `{}` cannot be used: {problem}", backend.name));
                }
            }
        }
        match effects.split_first() {
            None => {
                self.failing_share = 1.0;
                return;
            }
            Some((first, rest)) if rest.iter().all(|effect| effect == first) => self.take(first.clone()),
            Some(_) => {
                for (backend, effect) in self.backends.iter_mut().zip(effects) {
                    backend.own = Some(effect);
                }
            }
        }
        self.status = 200;
        if let Some(redirect) = &self.redirect {
            self.status = redirect.status;
            self.why.push(format!("the backendRef redirects to `{}`", redirect.location));
            self.backends.clear();
        }
    }
}

impl Backend {
    /// A Service that gets every request.
    pub(super) fn whole(key: &ObjectKey, port: Option<u16>) -> Self {
        Self { namespace: key.namespace.clone(), name: key.name.clone(), port, share: 1.0, own: None }
    }
}

fn percent(mirror: &RequestMirror) -> f64 {
    match (mirror.percent, &mirror.fraction) {
        (Some(percent), _) => f64::from(percent),
        (None, Some(fraction)) => ratio(fraction.numerator.into(), fraction.denominator.into()) * 100.0,
        (None, None) => 100.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of sixteen weights of at most 1000000 is exact")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
