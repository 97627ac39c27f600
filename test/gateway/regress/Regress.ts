/** PostgreSQL's own regression tests: what psql prints for a file, and how two outputs of it differ. */
import { spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** Runs a file as `pg_regress` does, and gives what psql prints on both of its streams. */
export const printed = (options: {
  readonly url: string
  readonly file: string
  /** `src/test/regress` of PostgreSQL's sources, which the files name. */
  readonly folder: string
  /** Where outputs are written, and `results` is. */
  readonly workspace: string
}): Promise<string> => {
  const { file, folder, url, workspace } = options
  const output = join(workspace, `${process.pid}-${Math.random()}.out`)
  return new Promise((resolve) => {
    const [from, to] = [openSync(file, "r"), openSync(output, "w")]
    const child = spawn("psql", ["-X", "-a", "-q", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on", url], {
      stdio: [from, to, to],
      // A file that waits for what never comes.
      timeout: 300_000,
      killSignal: "SIGKILL",
      cwd: workspace,
      env: {
        ...process.env,
        LC_ALL: "C.UTF-8",
        PG_ABS_SRCDIR: folder,
        PG_ABS_BUILDDIR: workspace,
        PG_LIBDIR: folder,
        PG_DLSUFFIX: ".so"
      }
    })
    child.on("close", () => {
      closeSync(from)
      closeSync(to)
      resolve(readFileSync(output, "latin1"))
    })
  })
}

/** The files in the order in which PostgreSQL runs them, which is that in which they need each other. */
export const schedule = (folder: string): ReadonlyArray<string> =>
  readFileSync(join(folder, "parallel_schedule"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("test:"))
    .flatMap((line) => line.slice(5).trim().split(/\s+/))

/** Files whose tables, functions and types others use: they make the database that each file finds. */
export const foundation = [
  "test_setup",
  "create_function_c",
  "create_misc",
  "create_operator",
  "create_procedure",
  "create_table",
  "create_type",
  "create_schema",
  "create_index",
  "create_view",
  "create_aggregate",
  "create_function_sql",
  "create_cast"
]

/** What `pg_regress` sets for a database, but for the time zone: the Data API's sessions are in UTC. */
export const settings = [
  "timezone to 'UTC'",
  "datestyle to 'Postgres, MDY'",
  "lc_messages to 'C'",
  "lc_monetary to 'C'",
  "lc_numeric to 'C'",
  "lc_time to 'C'",
  "bytea_output to 'hex'",
  "timezone_abbreviations to 'Default'"
]

const begins = /^(?:psql:[^:]*:\d+: )?(?:DETAIL|CONTEXT|NOTICE|INFO|WARNING|HINT|LOG|QUERY): /
/** How lists in DETAIL and NOTICE go on. */
const goesOn =
  /^(?:\t|SQL function|PL\/pgSQL function|SQL statement|drop cascades|owner of |privileges for |.* depends on |\d+ objects? in )/
const isPlace = (line: string): boolean => /^(?:LINE \d+: | *\^$)/.test(line)

/** Whether a line is the place in a statement that a function runs, which comes with its QUERY. */
const isInner = (lines: ReadonlyArray<string>, at: number): boolean => {
  if (!isPlace(lines[at] ?? "")) return false
  const next = lines.slice(at).find((line) => !isPlace(line) && !/^(?:DETAIL|HINT): /.test(line))
  return next?.startsWith("QUERY: ") === true
}

/** Whether a line is the place of a notice, which stands before its HINT. */
const ofNotice = (line: string, before: string): boolean =>
  isPlace(line) && (/(?:WARNING|NOTICE): /.test(before) || isPlace(before))

/** What the Data API does not give: DETAIL, CONTEXT, QUERY and notices, each with the lines that go on with it. */
export const withoutNotes = (text: string): string => {
  const lines = text.split("\n")
  let skips = false
  return lines
    .filter((line, index) => {
      const starts = begins.test(line)
      skips = starts || (skips && (goesOn.test(line) || ofNotice(line, lines[index - 1] ?? "")))
      return !skips && !isInner(lines, index)
    })
    .join("\n")
}

/** The lines of the second text that the first has less often. */
export const added = (before: string, after: string): ReadonlyArray<string> => {
  const left = new Map<string, number>()
  for (const line of before.split("\n")) left.set(line, (left.get(line) ?? 0) + 1)
  return after.split("\n").filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
