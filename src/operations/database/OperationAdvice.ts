/** What to do about the failures of operations, by their tag; their messages say what is wrong. */

interface Step {
  readonly code: string
  readonly fix: string
}

/** What to do about rows that a database refuses. */
export const onRefusedRows = "Correct what the database says, and run alex-db restore again; --resume continues it"

/** The code and the fix of each failure that does not come from the database. */
export const operationAdvice: Readonly<Record<string, Step>> = {
  MigrationRefused: {
    code: "migration-refused",
    fix: "Follow the message; alex-db migrate status and alex-db doctor show the details"
  },
  MigrationFailed: {
    code: "migration-failed",
    fix: "Correct what the message names, see the rest with alex-db migrate plan --try, and run alex-db migrate again"
  },
  MigrationsUnreadable: {
    code: "migrations",
    fix: "Give --folder the folder of your migrations, whose files are named like 001_words.sql, in UTF-8"
  },
  SeedInvalid: { code: "seed", fix: "Correct the file, and look at it with alex-db seed --dry-run" },
  ResetRefused: { code: "confirm", fix: "See what would be dropped with alex-db reset --dry-run first" },
  TooManyPositions: { code: "positions", fix: "Give a smaller number to --positions of alex-db reset" },
  ReferenceUnavailable: {
    code: "reference",
    fix: "Run alex-db verify --skip-drift, which looks at everything else"
  },
  BackupFileError: { code: "file", fix: "Name a file in a folder that can be read and written, and has room" },
  BackupInvalid: { code: "backup-invalid", fix: "Use another backup, or create one with alex-db backup" },
  BackupRefused: { code: "backup-refused", fix: "Do what the message says" },
  RowsRefused: {
    code: "rows-refused",
    fix: onRefusedRows
  },
  RestoreDiffers: {
    code: "restore-differs",
    fix: "See the sessions in pg_stat_activity and the tables' triggers and rules, and restore again into an empty database"
  },
  ServeError: { code: "serve", fix: "Run alex-db serve --help, which explains each option" },
  GatewayError: { code: "gateway", fix: "Run alex-db gateway --help, which explains each option" },
  SchemaError: { code: "unreadable", fix: "Run alex-db verify, which names the rows that can't be read" }
}

/** What to do about an SQLSTATE without advice of its own, by its class. */
const byClass: Readonly<Record<string, string>> = {
  "08": "Run alex-db check, which tells whether the database can be reached",
  "22": "Correct the value; alex-db verify names rows that make no sense",
  "23": "Correct the row that breaks the constraint; alex-db verify --validate names such rows",
  "25": "Run the command again: its transaction is gone",
  "42": "Run alex-db doctor, which tells whether the tables are as the migrations have them",
  "53": "Wait until the database has more room, and run the command again",
  "55": "Run the command again when the other session has ended",
  "57": "Run the command again when the database is up"
}

/** What to do about any error of PostgreSQL. */
export const fixOfState = (state: string | undefined): string =>
  byClass[state?.slice(0, 2) ?? ""] ?? "Run alex-db doctor; the code is in PostgreSQL's documentation, appendix A"

/** What to do about an unknown failure. */
export const unknownFix =
  "Run alex-db doctor; if it finds nothing wrong, run the command again with debug logs (see alex-db --help) and report the problem"
