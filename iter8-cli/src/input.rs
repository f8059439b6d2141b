//! What users pass in files or through a pipe.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::Error;

/// A text and where it comes from, for messages.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) text: String,
    pub(crate) origin: String,
}

/// Reads a file; `-` is standard input.
pub(crate) fn read(file: &Path) -> Result<Input, Error> {
    let (text, origin) = if file == Path::new("-") {
        (io::read_to_string(io::stdin().lock()), "<stdin>".to_owned())
    } else {
        (fs::read_to_string(file), file.display().to_string())
    };
    let text = text.map_err(|error| Error::Failed(format!("cannot read {origin}: {error}")))?;
    Ok(Input { text, origin })
}
