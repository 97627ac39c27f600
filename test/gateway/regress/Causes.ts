/** Why a file of PostgreSQL's regression tests prints something else through the gateway. */

/** Causes by what a line that only the gateway prints, or only PostgreSQL, looks like. */
const causes: ReadonlyArray<readonly [name: string, sign: RegExp]> = [
  [
    "temporary objects outside of a transaction",
    /temporary objects are gone with the statement|schema "pg_temp" does not exist/
  ],
  ["`currval` and `lastval` outside of a transaction", /currval of sequence|lastval is not yet defined/],
  ["session advisory locks, each in a transaction of its own", /^ advisory \|/],
  ["lines that libxml adds to DETAIL", /^<(?:wrong|syntax|invalidentity)/],
  [
    "DECLARE outside of a transaction, which is refused before its query is looked at",
    /SELECT \.\.\. INTO is not allowed here/
  ],
  ["plans, in which a constant of a function's own type stands as a call", /^ +Filter: .*make_some_array/],
  ["LISTEN", /LISTEN is not supported/],
  ["PREPARE TRANSACTION", /PREPARE TRANSACTION is not supported|prepared transaction with identifier/],
  ["texts and names of the gateway's own in catalogues", /alex-gateway|alex_gateway|sqlx_s_|alex_check/],
  ["`EXPLAIN (FORMAT JSON)` on one line", /^\s*\[\{"Plan"/],
  ["`EXPLAIN (FORMAT XML)`, and composite values of CALL", /contains the unsupported data type/],
  ["cursors WITH HOLD, which only FETCH, MOVE and CLOSE know", /cursor "[^"]*" does not exist/],
  ["COPY with a rule on its query, or from a view", /rules are not supported for COPY|cannot copy from view/],
  [
    "COPY to generated columns, or without the right to",
    /is a generated column|missing data for column|affected by row-level security/
  ],
  ["COPY with WHERE, FREEZE or another encoding", /not supported by the gateway|COPY FREEZE/],
  ["a result over 1 MiB", /exceeds the size limit/],
  ["a statement outside of transactions after SET ROLE or SET search_path", /runs without the session's/],
  [
    "settings that last beyond the gateway's sessions",
    /unrecognized configuration parameter|invalid configuration parameter name/
  ],
  [
    "`pg_backend_pid()`, `pg_cursors`, `pg_prepared_statements` and the like of a session",
    /pg_cursors|pg_prepared_statements|^ f$/
  ],
  ["object ids, process ids and times, which differ from run to run", /^\s*\(?\d+,\d{4,},\d+\)$/]
]

/** The causes of what the file prints more and less; the first other line where none of them is known. */
export const causesOf = (more: ReadonlyArray<string>, less: ReadonlyArray<string>): ReadonlyArray<string> => {
  const lines = [...more, ...less]
  const found = causes.flatMap(([name, sign]) => (lines.some((line) => sign.test(line)) ? [name] : []))
  if (found.length > 0) return found
  return [`other, such as \`${(more[0] ?? less[0] ?? "").trim().slice(0, 100).replaceAll("|", "\\|")}\``]
}
