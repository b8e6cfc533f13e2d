//! Reading a table: CSV with two columns, or a JSON object.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::Table;

/// Largest file.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Most rows: a million numbers take about 100 MiB.
const MAX_ROWS: usize = 1_000_000;

/// Longest key or value. An answer to a plugin is a copy of it.
const MAX_TEXT_BYTES: usize = 4 << 10;

impl Table {
    /// Reads a file, whose ending says what it is.
    ///
    /// # Errors
    /// What was expected, what was found, and in which line.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = text(path)?;
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => from_csv(&text),
            Some("json") => from_json(&text),
            _ => Err(format!("expected a file that ends in .csv or .json, found {}", path.display())),
        }
    }
}

fn text(path: &Path) -> Result<String, String> {
    let unreadable =
        |error| format!("expected a file with a table, but {} cannot be read: {error}", path.display());
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "expected a table of at most {MAX_FILE_BYTES} bytes, found more in {}",
            path.display()
        ));
    }
    Ok(text)
}

/// Key and value, without a line of titles; quotes as in RFC 4180.
fn from_csv(text: &str) -> Result<Table, String> {
    let mut table = Table::default();
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for row in rows.records() {
        let row = row.map_err(|error| format!("expected CSV: {error}"))?;
        let line = row.position().map_or(0, csv::Position::line);
        let (2, Some(key), Some(value)) = (row.len(), row.get(0), row.get(1)) else {
            return Err(format!("line {line}: expected a key and a value, found {} columns", row.len()));
        };
        add(&mut table, key, value).map_err(|problem| format!("line {line}: {problem}"))?;
    }
    Ok(table)
}

/// Values that are no texts are kept as JSON.
fn from_json(text: &str) -> Result<Table, String> {
    let rows: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| format!("expected a JSON object with a value for each key: {error}"))?;
    let mut table = Table::default();
    for (key, value) in rows {
        let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        add(&mut table, &key, &written)?;
    }
    Ok(table)
}

fn add(table: &mut Table, key: &str, value: &str) -> Result<(), String> {
    if key.len() > MAX_TEXT_BYTES || value.len() > MAX_TEXT_BYTES {
        return Err(format!(
            "expected keys and values of at most {MAX_TEXT_BYTES} bytes, found a longer one"
        ));
    }
    if table.len() == MAX_ROWS {
        return Err(format!("expected at most {MAX_ROWS} rows, found more"));
    }
    if !table.insert(key, value) {
        return Err(format!("the key {key:?} stands twice; remove one of the two"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &str) -> Result<Table, String> {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("it is written");
        Table::read(&path)
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = read("t.csv", "82,korea\n\"1,2\",\"say \"\"one\"\"\"\n").expect("it is CSV");
        let json = read("t.json", r#"{"82": "korea", "1,2": "say \"one\""}"#).expect("it is JSON");
        assert_eq!(csv, json);
        assert_eq!(csv.exact("1,2").as_deref(), Some("say \"one\""));
        let nested = read("t.json", r#"{"1": {"to": [2]}, "2": 3}"#).expect("it is JSON");
        assert_eq!(nested.exact("1").as_deref(), Some(r#"{"to":[2]}"#));
        assert_eq!(nested.exact("2").as_deref(), Some("3"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (name, content, says) in [
            ("t.csv", "1,one\n2\n", "line 2: expected a key and a value, found 1 columns"),
            ("t.csv", "1,one\n2,two,zwei\n", "line 2: expected a key and a value, found 3 columns"),
            ("t.csv", "1,one\n1,two\n", "line 2: the key \"1\" stands twice"),
            (
                "t.csv",
                &format!("1,{}\n", "x".repeat(5_000)),
                "line 1: expected keys and values of at most 4096",
            ),
            ("t.json", "{\n\"1\": \"one\",\n}", "line 3"),
            ("t.json", "[1]", "expected a JSON object"),
            ("t.txt", "1,one", "ends in .csv or .json"),
        ] {
            let told = read(name, content).expect_err(says);
            assert!(told.contains(says), "{told}");
        }
        let told = Table::read(Path::new("/nowhere/t.csv")).expect_err("there is none");
        assert!(told.contains("/nowhere/t.csv") && told.contains("No such file"), "{told}");
    }
}
