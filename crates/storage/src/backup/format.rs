//! The file of a backup: a line that says what it is, a line of JSON, then for each table its rows as Postgres copies them
//! as text, in pieces that begin with their length, and how many rows that were. A last line says that nothing is cut off.

use std::io::{self, BufRead, Read as _, Write};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const FIRST_LINE: &str = "portico backup 1";
const LAST_LINE: &str = "end of the backup";
/// The longest line, in bytes.
const LINE: u64 = 1024 * 1024;
/// The longest piece, in bytes: longer than Postgres makes a row.
const PIECE: usize = 1 << 30;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) made_at: OffsetDateTime,
    /// The migrations of the database, in order.
    pub(super) migrations: Vec<i64>,
    /// The tables in the order of their rows.
    pub(super) tables: Vec<TableColumns>,
}

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableColumns {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

/// Why a file is no backup.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it does not begin with \"{FIRST_LINE}\"")]
    Strange,
    #[error("it is cut off")]
    CutOff,
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
}

impl TableColumns {
    /// The name as SQL writes it.
    pub(super) fn name(&self) -> String {
        format!("public.{}", quoted(&self.name))
    }

    /// The columns as SQL lists them.
    pub(super) fn columns(&self) -> String {
        self.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn write_header(out: &mut (dyn Write + Send), header: &Header) -> io::Result<()> {
    let made_at = header.made_at.format(&Rfc3339).map_err(io::Error::other)?;
    let tables: Vec<_> =
        header.tables.iter().map(|table| json!({"name": table.name, "columns": table.columns})).collect();
    let line = json!({"made_at": made_at, "migrations": header.migrations, "tables": tables});
    writeln!(out, "{FIRST_LINE}\n{line}")
}

pub(super) fn write_piece(out: &mut (dyn Write + Send), piece: &[u8]) -> io::Result<()> {
    if piece.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", piece.len())?;
    out.write_all(piece)
}

pub(super) fn write_rows(out: &mut (dyn Write + Send), rows: u64) -> io::Result<()> {
    writeln!(out, "0\n{rows}")
}

pub(super) fn write_end(out: &mut (dyn Write + Send)) -> io::Result<()> {
    writeln!(out, "{LAST_LINE}")?;
    out.flush()
}

pub(super) fn read_header(from: &mut (dyn BufRead + Send)) -> Result<Header, Malformed> {
    if line(from).map_err(|_| Malformed::Strange)? != FIRST_LINE {
        return Err(Malformed::Strange);
    }
    let header: Value = serde_json::from_str(&line(from)?).map_err(|_| Malformed::Damaged("its head is no JSON"))?;
    read_head(&header).ok_or(Malformed::Damaged("its head lacks something"))
}

fn read_head(header: &Value) -> Option<Header> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let table = |value: &Value| {
        let columns = value["columns"].as_array()?.iter().map(text).collect::<Option<_>>()?;
        Some(TableColumns { name: text(&value["name"])?, columns })
    };
    Some(Header {
        made_at: OffsetDateTime::parse(header["made_at"].as_str()?, &Rfc3339).ok()?,
        migrations: header["migrations"].as_array()?.iter().map(Value::as_i64).collect::<Option<_>>()?,
        tables: header["tables"].as_array()?.iter().map(table).collect::<Option<_>>()?,
    })
}

/// The next piece of a table; none at its end.
pub(super) fn read_piece(from: &mut (dyn BufRead + Send)) -> Result<Option<Vec<u8>>, Malformed> {
    let length = line(from)?.parse().ok().filter(|length| *length <= PIECE);
    let length: usize = length.ok_or(Malformed::Damaged("a length is no number"))?;
    if length == 0 {
        return Ok(None);
    }
    let mut piece = Vec::new();
    from.take(length as u64).read_to_end(&mut piece)?;
    if piece.len() == length { Ok(Some(piece)) } else { Err(Malformed::CutOff) }
}

pub(super) fn read_rows(from: &mut (dyn BufRead + Send)) -> Result<u64, Malformed> {
    line(from)?.parse().map_err(|_| Malformed::Damaged("a count is no number"))
}

pub(super) fn read_end(from: &mut (dyn BufRead + Send)) -> Result<(), Malformed> {
    let end = line(from)?;
    if end == LAST_LINE { Ok(()) } else { Err(Malformed::Damaged("it goes on behind its last table")) }
}

fn line(from: &mut (dyn BufRead + Send)) -> Result<String, Malformed> {
    let mut line = Vec::new();
    from.take(LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(Malformed::CutOff);
    }
    String::from_utf8(line).map_err(|_| Malformed::Damaged("a line is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a backup with one table to its end: the header and the rows.
    fn read(mut from: &[u8]) -> Result<(Header, Vec<u8>, u64), Malformed> {
        let header = read_header(&mut from)?;
        let mut rows = Vec::new();
        while let Some(piece) = read_piece(&mut from)? {
            rows.extend(piece);
        }
        let count = read_rows(&mut from)?;
        read_end(&mut from)?;
        Ok((header, rows, count))
    }

    #[test]
    fn what_is_written_is_read_and_no_part_of_it_passes_for_the_whole() {
        let table = TableColumns { name: "a \"table\"".to_owned(), columns: vec!["x".to_owned(), "y".to_owned()] };
        assert_eq!((table.name().as_str(), table.columns().as_str()), ("public.\"a \"\"table\"\"\"", "\"x\", \"y\""));
        let made_at = time::macros::datetime!(2026-12-01 12:00 UTC);
        let header = Header { made_at, migrations: vec![1, 2], tables: vec![table] };
        let mut file = Vec::new();
        write_header(&mut file, &header).expect("is written");
        for piece in ["", "1\t2\n3\t", "4\n0\n"] {
            write_piece(&mut file, piece.as_bytes()).expect("is written");
        }
        write_rows(&mut file, 3).expect("is written");
        write_end(&mut file).expect("is written");
        let (again, rows, count) = read(&file).expect("is whole");
        assert_eq!((again, rows.as_slice(), count), (header, &b"1\t2\n3\t4\n0\n"[..], 3));
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "the first {length} bytes pass for all of it");
        }
        assert!(matches!(read(b"PGDMP"), Err(Malformed::Strange)));
    }
}
