import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, expect, it } from "@effect/vitest"
import { parseSync, Visitor } from "vite"
import { installed } from "../package/installed.ts"

const here = fileURLToPath(new URL(".", import.meta.url))
const src = fileURLToPath(new URL("../../src", import.meta.url))

interface Expression {
  readonly source: string
  readonly flags: string
  readonly where: string
}

const expressionsOf = (file: string): ReadonlyArray<Expression> => {
  const text = readFileSync(join(src, file), "utf8")
  const found: Array<Expression> = []
  const { program } = parseSync(file, text)
  new Visitor({
    Literal: (node) => {
      if (!("regex" in node)) return
      const line = text.slice(0, node.start).split("\n").length
      found.push({ source: node.regex.pattern, flags: node.regex.flags, where: `${file}:${line}` })
    }
  }).visit(program)
  return found
}

/** Expressions that take more than linear time, and why nobody can send them a text that is long enough. */
const bounded: ReadonlyMap<string, string> = new Map([
  ["[ 0-9]+$", "the tag of a command, one of PostgreSQL's"],
  ["0+$", "six digits"],
  ["^add .*\\bgenerated always as \\(.*\\) stored", "a migration, which its author runs"],
  [
    "^(create (unique )?index concurrently|drop index concurrently|reindex .*concurrently|alter table .*detach partition .*concurrently|vacuum|create database|drop database|create tablespace|drop tablespace|alter system|create subscription|drop subscription)( |$)",
    "a migration, which its author runs"
  ],
  ["\\((ARRAY\\[[^\\]]*\\])\\)::text\\[\\]", "a definition by PostgreSQL, which closes each bracket"],
  ["ARRAY\\[[^\\]]*\\]", "a definition by PostgreSQL, which closes each bracket"]
])

const folder = await installed("regexes")

it.skipIf(folder === undefined)(
  "no text that a stranger may send makes a regular expression take more than linear time",
  async () => {
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
    const all = files.flatMap(expressionsOf)
    expect(all.length).toBeGreaterThan(300)
    const given = mkdtempSync(join(tmpdir(), "alex-regexes-"))
    try {
      const asked = all.map((one) => ({ ...one, isBounded: bounded.has(one.source) }))
      writeFileSync(join(given, "all.json"), JSON.stringify(asked))
      const program = join(folder ?? assert.fail(), "check.mjs")
      cpSync(join(here, "check.mjs"), program)
      const { stdout } = await promisify(execFile)(process.execPath, [program, join(given, "all.json")])
      const verdicts: ReadonlyArray<{ readonly status: string; readonly why: string }> = JSON.parse(stdout)
      const slow = all.flatMap((one, index) =>
        verdicts[index]?.status === "safe" ? [] : [{ ...one, why: verdicts[index]?.why }]
      )
      expect(slow.filter(({ source }) => !bounded.has(source))).toEqual([])
      expect([...bounded.keys()].filter((source) => !slow.some((one) => one.source === source))).toEqual([])
    } finally {
      rmSync(given, { recursive: true, force: true })
    }
  },
  // Where the checker has no program for the machine, its JavaScript takes four times as long.
  900_000
)
