-- What this installation is known by; one row.
CREATE TABLE installation (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL
) STRICT;

-- One row for each question that plugins were asked. Ids only grow, so that the oldest rows are those with the lowest ids.
CREATE TABLE decision (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms         INTEGER NOT NULL,
    call_id       BLOB,
    kind          TEXT    NOT NULL,
    decided_by    TEXT    NOT NULL,
    plugin        TEXT,
    version       TEXT,
    generation    INTEGER,
    digest        TEXT,
    config_digest TEXT,
    elapsed_us    INTEGER NOT NULL,
    personal_data TEXT    NOT NULL,
    -- Names of the plugins that were asked, each between two line feeds, which no name contains.
    asked         TEXT    NOT NULL,
    -- What is long comes last: a search reads only what stands before it.
    why           TEXT    NOT NULL,
    answer        TEXT    NOT NULL,
    trace         TEXT    NOT NULL,
    question      TEXT    NOT NULL
) STRICT;

-- "What was decided about this call?" is asked most; everything else reads from one end.
CREATE INDEX decision_by_call ON decision (call_id) WHERE call_id IS NOT NULL;

-- Samples of what candidates would have decided otherwise.
CREATE TABLE shadow_difference (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms            INTEGER NOT NULL,
    call_id          BLOB,
    kind             TEXT    NOT NULL,
    plugin           TEXT    NOT NULL,
    digest           TEXT    NOT NULL,
    candidate_digest TEXT    NOT NULL,
    question         TEXT    NOT NULL,
    before           TEXT    NOT NULL,
    after            TEXT    NOT NULL,
    fields           TEXT    NOT NULL,
    personal_data    TEXT    NOT NULL
) STRICT;
