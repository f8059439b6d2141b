//! Columns of text, as kubectl has them.

use super::{Paint, Style};

/// The gap between columns.
const GAP: usize = 3;

/// A text with its colour.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub(crate) fn painted(paint: Paint, text: impl Into<String>) -> Self {
        Self { text: text.into(), paint }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), paint: Paint::Plain }
    }
}

/// Rows, maybe under a header.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|name| Cell::painted(Paint::Dim, *name)).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines of the table. A cell that is empty shows as `-`.
    pub(crate) fn render(&self, style: Style) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| length(&cell.text)).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let mut lines = String::new();
        for row in &self.rows {
            let last = row.len().saturating_sub(1);
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let text = if cell.text.is_empty() { "-" } else { &cell.text };
                lines.push_str(&style.paint(cell.paint, text));
                if index < last {
                    lines.push_str(&" ".repeat(width.saturating_sub(length(text)) + GAP));
                }
            }
            lines.push('\n');
        }
        lines
    }
}

/// The columns that a text takes on a terminal, for the letters that names and reasons are made of.
fn length(text: &str) -> usize {
    text.chars().count().max(1)
}
