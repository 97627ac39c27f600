/** What is fuzzed: each parser of what comes from outside, and what has to be so whatever it is given. */
import { Cause, Effect, Exit, FileSystem } from "effect"
import type { Operation } from "../../src/data-api/Operation.ts"
import { parseExact } from "../../src/data-api/rest-json/ExactJson.ts"
import { decodeCall } from "../../src/data-api/rest-json/RequestReader.ts"
import { decodeAnswer } from "../../src/data-api/rest-json/ResponseReader.ts"
import { fromNamed, fromNumbered } from "../../src/data-api/statement/Placeholders.ts"
import { splitStatements, tokenize } from "../../src/data-api/statement/SqlLexer.ts"
import { kindOf } from "../../src/data-api/statement/StatementKind.ts"
import { decodeMessage, decodeStartup } from "../../src/gateway/protocol/FrontendMessages.ts"
import * as BackupReader from "../../src/operations/backup/BackupReader.ts"
import { textOf, valuesOf } from "../../src/operations/backup/RecordText.ts"
import * as Migration from "../../src/operations/migrate/Migration.ts"
import { createdBy, partsOf } from "../../src/operations/migrate/StatementParts.ts"
import * as SeedFile from "../../src/operations/seed/SeedFile.ts"
import { loadVariables } from "./variables.ts"

export interface Target {
  readonly name: string
  /** The sources whose coverage leads. */
  readonly files: RegExp
  readonly seeds: ReadonlyArray<string>
  /** What its language is made of. */
  readonly words: ReadonlyArray<string>
  /** Says what is wrong, if anything is; throws nothing. */
  readonly run: (input: Buffer) => string | undefined | Promise<string | undefined>
}

const operations: ReadonlyArray<Operation> = [
  "ExecuteStatement",
  "BatchExecuteStatement",
  "BeginTransaction",
  "CommitTransaction",
  "RollbackTransaction"
]

const isJson = (parse: (text: string) => unknown, text: string): boolean => {
  try {
    parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false
    throw error
  }
}

const arn = "arn:aws:rds:us-east-1:123456789012:cluster:a"

const json: Target = {
  name: "json",
  files: /src\/data-api\/rest-json\//,
  seeds: [
    `{"resourceArn":"${arn}","secretArn":"${arn}","sql":"select :a","parameters":[{"name":"a","value":{"longValue":9007199254740993},"typeHint":"UUID"}]}`,
    `{"resourceArn":"${arn}","secretArn":"${arn}","sql":"x","parameterSets":[[{"name":"a","value":{"arrayValue":{"doubleValues":[1.5,null]}}}]],"transactionId":"t"}`,
    '{"records":[[{"stringValue":"a"},{"isNull":true},{"blobValue":"AA=="},{"arrayValue":{"arrayValues":[{"longValues":[1]}]}}]],"columnMetadata":[{"name":"a","typeName":"int4"}],"numberOfRecordsUpdated":0}',
    '{"updateResults":[{"generatedFields":[{"longValue":1}]}]}',
    '{"transactionId":"a","transactionStatus":"Transaction Committed"}',
    '{"message":"ERROR: x; SQLState: 42P01","__type":"DatabaseErrorException"}'
  ],
  words: [
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "null",
    "true",
    "-0",
    "1e999",
    "9007199254740993",
    "\\u0000",
    "\\ud800",
    '"__proto__"',
    '"value"',
    '"stringValue"',
    '"longValue"',
    '"isNull"',
    '"records"',
    '"arrayValue"'
  ],
  run: (input) => {
    const text = input.toString("utf8")
    if (isJson(JSON.parse, text) !== isJson(parseExact, text))
      return "JSON.parse and parseExact do not agree on what is JSON"
    for (const operation of operations) {
      decodeCall(operation, text)
      for (const status of [200, 400, 500])
        decodeAnswer(operation, { status, headers: {}, body: text, size: input.length })
    }
    return undefined
  }
}

const messages: Target = {
  name: "messages",
  files: /src\/gateway\/protocol\/FrontendMessages/,
  seeds: [
    "Qselect 1\0",
    "Ps\0select $1\0\0\u0001\0\0\0\u0017",
    "Bp\0s\0\0\u0001\0\u0001\0\u0001\0\0\0\u0001a\0\u0001\0\u0001",
    "DSs\0",
    "Ep\0\0\0\0\0",
    "CPp\0",
    "S",
    "X",
    "dabc",
    "fno\0",
    "pSCRAM-SHA-256\0\0\0\0\u0003n,,",
    "\0\u0003\0\0user\0ann\0database\0alex\0\0"
  ],
  words: [
    "\0",
    "\0\0",
    "\u0001",
    "\xff\xff\xff\xff",
    "\x7f\xff\xff\xff",
    "\0\0\0\0",
    "\0\u0001",
    "user\0",
    "Q",
    "P",
    "B",
    "D",
    "E",
    "C",
    "p"
  ],
  run: (input) => {
    decodeMessage(input[0] ?? 0, input.subarray(1))
    decodeStartup(input)
    return undefined
  }
}

const sqlWords = [
  "'",
  '"',
  "$$",
  "$a$",
  "$1",
  ":a",
  "::",
  "/*",
  "*/",
  "--",
  "\n",
  ";",
  "(",
  ")",
  "E'",
  "U&'",
  "\\",
  "?",
  "??",
  "begin",
  "atomic",
  "end",
  "create function",
  "case",
  "select",
  "insert into",
  "with",
  "as",
  "returning",
  "in (",
  "copy",
  "set",
  "é",
  "\ud83d\ude00"
]

const lexer: Target = {
  name: "lexer",
  files: /src\/data-api\/statement\//,
  seeds: [
    "select 'a''b', E'\\'', \"q\"\"i\", $$ $1 $$, $t$ ; $t$, $1::int, :name -- c\n/* /* */ */ from t;",
    "with a as (insert into t values (1) returning *) select * from a where b in (:x, :y)",
    "create function f() returns int begin atomic select 1; select case when true then 1 end; end;",
    "set local x = 1; copy t from stdin; begin; commit"
  ],
  words: sqlWords,
  run: (input) => {
    const sql = input.toString("utf8")
    let at = 0
    for (const { end, start } of tokenize(sql)) {
      if (start !== at || end <= start) return `the tokens leave a gap at ${at}`
      at = end
    }
    if (at !== sql.length) return `the tokens end at ${at} of ${sql.length}`
    for (const { sql: statement } of splitStatements(sql)) {
      if (!sql.includes(statement)) return "a statement is not in its script"
      kindOf(statement)
      partsOf(statement)
    }
    fromNumbered(sql)
    fromNamed(sql, ["a", "name"])
    return undefined
  }
}

const variables: Target = {
  name: "variables",
  files: /src\/cli\/environment/,
  seeds: [
    "A=1\nexport B='x y'\nC=\"a\\nb\" # c\n",
    "\ufeffAURORA_DATABASE=alex\r\nNODE_OPTIONS=--x\r\n",
    "A=`b\nc`\n=\n#\n A = b "
  ],
  words: [
    "=",
    "\n",
    "\r\n",
    "#",
    '"',
    "'",
    "`",
    "export ",
    "\\n",
    "$",
    "\0",
    "\ufeff",
    "PATH",
    "LD_PRELOAD=",
    "NODE_OPTIONS=",
    "__proto__="
  ],
  run: (input) => loadVariables(input)
}

/** An effect fails with an error of its own or succeeds; a defect is a finding. */
const typed = async <A, E>(effect: Effect.Effect<A, E>): Promise<string | undefined> => {
  const exit = await Effect.runPromiseExit(effect)
  return Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? `it dies: ${Cause.pretty(exit.cause)}` : undefined
}

const seeds: Target = {
  name: "seeds",
  files: /src\/(?:operations\/seed|domain)\//,
  seeds: [
    '[{"symbol":"SPY","name":"S","instrument_type":"etf","current_price":"1.5","allocation_regions":{"north_america":100},"allocation_sectors":{"technology":100},"allocation_asset_class":{"equity":100}}]',
    '{"user":{"clerk_user_id":"u","display_name":"U"},"accounts":[{"account_name":"a","cash_balance":"1","positions":[{"symbol":"SPY","quantity":"1"}]}]}'
  ],
  words: [
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "null",
    "1e400",
    "-1",
    "NaN",
    '"symbol"',
    '"__proto__"',
    '"equity"',
    "100",
    "99.95",
    '"1.50"',
    '"1e5"',
    "\\u0000",
    "0.00000001"
  ],
  run: async (input) => {
    const files = FileSystem.layerNoop({ readFileString: () => Effect.succeed(input.toString("utf8")) })
    return (
      (await typed(SeedFile.readInstruments("file").pipe(Effect.provide(files)))) ??
      (await typed(SeedFile.readPortfolio("file").pipe(Effect.provide(files))))
    )
  }
}

const migrations: Target = {
  name: "migrations",
  files: /src\/operations\/migrate\/(?:Migration|StatementParts)|statement\/SqlLexer/,
  seeds: [
    "-- alex: no transaction\ncreate unique index concurrently i on t (a);\n",
    '\ufeffcreate table if not exists "a".b (c int);\r\nalter table b add column d text;  \n',
    "create or replace function f() returns trigger as $$ begin return new; end $$ language plpgsql;"
  ],
  words: [
    ...sqlWords,
    "-- alex: no transaction\n",
    "create",
    "table",
    "index concurrently",
    "if not exists",
    "\ufeff",
    "\r\n",
    "trigger",
    "view"
  ],
  run: (input) => {
    const text = input.toString("utf8")
    const migration = Migration.parse("001_a.sql", text)
    if (migration === undefined) return "a migration with a good name is none"
    for (const { line, sql } of migration.statements) {
      if (line < 1 || line > text.split("\n").length) return `a statement is on line ${line}`
      createdBy(partsOf(sql))
      Migration.firstWords(sql)
    }
    return undefined
  }
}

const pieces = async function* (input: Buffer): AsyncGenerator<Uint8Array> {
  const half = input.length >> 1
  yield input.subarray(0, half)
  yield input.subarray(half)
}

/** Rows as PostgreSQL writes them, with as many columns as the first octet says, come back as they were written. */
const backup: Target = {
  name: "backup",
  files: /src\/operations\/backup\/(?:BackupReader|BackupFormat|RecordText)/,
  seeds: [
    `{"format":"alex-db backup","version":1,"id":"b1","tool":"test","at":"2026-01-01T00:00:00.000Z","server":"18","backend":"embedded","consistency":"one","scope":"schema","schema":"s","tables":[{"name":"one","columns":[{"name":"a","type":"text"}],"notValidated":[]}],"sequences":[],"migrations":[],"leftOut":[],"anonymized":null}\n{"table":0,"row":["a"],"crc":"00000000"}\n{"end":true,"tables":[{"name":"one","rows":1,"sum":"00"}]}\n`,
    '(a,"b ""c""",,"",\\\\)'
  ],
  words: [
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "\n",
    "null",
    '"table":',
    '"row":',
    '"crc":"',
    '"end":true',
    '"tables":',
    "(",
    ")",
    '""',
    "\\"
  ],
  run: async (input) => {
    const text = input.toString("utf8")
    const values = text.split(",").map((value) => (value === "" ? null : value))
    if (valuesOf(textOf(values), values.length).join("\0") !== values.join("\0")) return "a row does not come back"
    return await typed(BackupReader.check("file", pieces(input)))
  }
}

export const targets: ReadonlyArray<Target> = [json, messages, lexer, variables, seeds, migrations, backup]
