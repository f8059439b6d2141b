//! Differences between the two servers that were decided.

use serde::Deserialize;

use super::compare::Difference;

/// An entry of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    subject: String,
    interactions: Vec<String>,
    /// Each with all that is below it.
    fields: Vec<String>,
    reason: String,
}

/// One field of one interaction.
#[derive(Debug)]
struct Known<'a> {
    subject: &'a str,
    interaction: &'a str,
    field: &'a str,
    reason: &'a str,
}

/// What is left of the differences without the known ones, and the known ones that are none any more.
pub(super) fn without(differences: &[Difference]) -> Vec<String> {
    let entries: Vec<Entry> = serde_saphyr::from_str(include_str!("known-differences.yaml")).unwrap();
    let known: Vec<Known<'_>> = entries.iter().flat_map(Entry::known).collect();
    let gone = known.iter().filter(|known| !differences.iter().any(|difference| known.covers(difference)));
    let gone = gone.map(|Known { subject, interaction, field, reason }| {
        format!("{subject}.yaml, `{interaction}`: {field} differs no more, though known ({reason})")
    });
    let unknown = differences.iter().filter(|difference| !known.iter().any(|known| known.covers(difference)));
    gone.chain(unknown.map(Difference::to_string)).collect()
}

impl Entry {
    fn known(&self) -> impl Iterator<Item = Known<'_>> {
        let Self { subject, interactions, fields, reason } = self;
        let each = interactions.iter().flat_map(move |one| fields.iter().map(move |field| (one, field)));
        each.map(move |(interaction, field)| Known { subject, interaction, field, reason })
    }
}

impl Known<'_> {
    fn covers(&self, difference: &Difference) -> bool {
        let below = difference.field.strip_prefix(self.field);
        self.subject == difference.subject
            && self.interaction == difference.interaction
            && below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
    }
}
