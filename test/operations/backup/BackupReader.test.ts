/** A backup that is not as it was written is refused, with the line and the cause. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as BackupFile from "../../../src/operations/backup/BackupFile.ts"
import { isTooLong, longestLine, Tally } from "../../../src/operations/backup/BackupFormat.ts"
import { Backup, type BackupFormat, BackupReader } from "../../../src/operations/index.ts"
import { backupHeader } from "./backupHeader.ts"

const header = backupHeader([
  {
    name: "one",
    columns: [
      { name: "a", type: "text" },
      { name: "b", type: "integer" }
    ],
    notValidated: []
  },
  { name: "none", columns: [{ name: "a", type: "text" }], notValidated: [] },
  { name: "two", columns: [{ name: "a", type: "text" }], notValidated: [] }
])

const rows: ReadonlyArray<BackupFormat.Row> = [
  { table: 0, values: ["line\nbreak \u2028 \r\n é😀", "1"] },
  { table: 0, values: [null, "2"] },
  { table: 0, values: ["", null] },
  { table: 2, values: ["last"] }
]

const written = Effect.gen(function* () {
  const tally = new Tally(header.tables.map(({ name }) => name))
  const passing = Stream.tap(Stream.fromIterable(rows), (row) => Effect.sync(() => tally.add(row)))
  const blocks = Backup.blocks({ header, rows: passing, sums: Effect.sync(() => tally.sums()) })
  return Buffer.from((yield* Stream.runCollect(blocks)).join(""))
})

/** In pieces of a few octets, so that lines and characters are cut anywhere. */
async function* inPieces(octets: Uint8Array, size: number) {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size)
}

const check = (octets: Uint8Array, size = 64) => BackupReader.check("b.jsonl", inPieces(octets, size))

const refusal = (octets: Uint8Array) => Effect.flip(check(octets))

const lineAt = (octets: Uint8Array, place: number) =>
  octets.subarray(0, place).filter((octet) => octet === 10).length + 1

it.effect("what was written is read, in pieces of any size", () =>
  Effect.gen(function* () {
    const octets = yield* written
    for (const size of [1, 2, 7, 1000]) {
      const { contents, header: found } = yield* check(octets, size)
      assert.deepStrictEqual(found, header)
      assert.deepStrictEqual(
        contents.map((table) => table.rows),
        [3, 0, 1]
      )
    }
    const { rows: stream } = yield* BackupReader.read("b.jsonl", inPieces(octets, 9))
    assert.deepStrictEqual(yield* Stream.runCollect(stream), rows)
  })
)

it.effect("lines that end as on Windows are read, and a carriage return anywhere else is found", () =>
  Effect.gen(function* () {
    const text = (yield* written).toString()
    for (const size of [1, 7, 1000]) {
      const { contents } = yield* check(Buffer.from(text.replaceAll("\n", "\r\n")), size)
      assert.deepStrictEqual(contents, (yield* check(Buffer.from(text))).contents)
    }
    for (const changed of [text.replace("\n", "\r\r\n"), text.replace("{", "\r{"), text.replaceAll("\n", "\r")]) {
      assert.match((yield* refusal(Buffer.from(changed))).message, /^b\.jsonl, line 1: /)
    }
  })
)

it.effect("a backup is read with the mark that editors of Windows set at the beginning, and nowhere else", () =>
  Effect.gen(function* () {
    const text = (yield* written).toString()
    const { contents } = yield* check(Buffer.from(text))
    for (const changed of [`\ufeff${text}`, `\ufeff${text.replaceAll("\n", "\r\n")}`]) {
      for (const size of [1, 2, 7, 1000])
        assert.deepStrictEqual((yield* check(Buffer.from(changed), size)).contents, contents)
    }
    for (const changed of [`\ufeff\ufeff${text}`, text.replace("\n", "\n\ufeff"), `${text.trimEnd()}\ufeff\n`]) {
      assert.match((yield* refusal(Buffer.from(changed))).message, /^b\.jsonl, line \d: /)
    }
  })
)

it.effect("every octet that is changed is found, and its line named", () =>
  Effect.gen(function* () {
    const octets = yield* written
    for (let place = 0; place < octets.length; place++) {
      for (const bit of [1, 0x20, 0x80]) {
        const changed = Buffer.from(octets)
        changed[place] = (changed[place] ?? 0) ^ bit
        const error = yield* refusal(changed)
        const line = lineAt(octets, place)
        assert.strictEqual(error._tag, "BackupInvalid")
        // A line break that is gone joins a line to the next.
        if (error._tag === "BackupInvalid") assert.strictEqual(error.line, line, `${place}: ${error.message}`)
      }
    }
  })
)

it.effect("a file that ends anywhere before its end is incomplete, and the line named where", () =>
  Effect.gen(function* () {
    const octets = yield* written
    for (let length = 0; length < octets.length; length++) {
      const error = yield* refusal(octets.subarray(0, length))
      assert.match(error.message, /^b\.jsonl, line \d+: (the file ends|the file is empty)/)
      if (error._tag === "BackupInvalid") assert.strictEqual(error.line, lineAt(octets, length))
    }
  })
)

it.effect("a line that is missing, repeated, moved or added is found where it is", () =>
  Effect.gen(function* () {
    const lines = (yield* written).toString().split("\n").slice(0, -1)
    const of = (changed: ReadonlyArray<string | undefined>) => Buffer.from(changed.map((line) => `${line}\n`).join(""))
    for (let at = 1; at < lines.length; at++) {
      const without = yield* refusal(of(lines.toSpliced(at, 1)))
      assert.include(without.message, `line ${at + 1}: `)
      const twice = yield* refusal(of(lines.toSpliced(at, 0, lines[at] ?? "")))
      assert.match(twice.message, at === lines.length - 1 ? /follows the last line/ : new RegExp(`line ${at + 2}: `))
    }
    const swapped = yield* refusal(of(lines.with(1, lines[2] ?? "").with(2, lines[1] ?? "")))
    assert.include(swapped.message, "line 2: the line is not as it was written")
  })
)

it.effect("what is not a backup is told apart", () =>
  Effect.gen(function* () {
    const cases: ReadonlyArray<readonly [string, RegExp]> = [
      ["", /line 1: the file is empty/],
      ["\n", /line 1: this is not a backup of alex-db/],
      ["hello", /line 1: this is not a backup of alex-db/],
      ["PGDMP\u0001\u000e", /an archive of pg_dump, for pg_restore/],
      ["--\n-- PostgreSQL database dump\n--\n", /script of pg_dump, for psql/],
      ["PK\u0003\u0004", /decompress it first/],
      ['{"format":"another"}\n', /line 1: this is not a backup/]
    ]
    for (const [text, message] of cases) assert.match((yield* refusal(Buffer.from(text))).message, message)
    const text = (yield* written).toString()
    assert.match((yield* refusal(Buffer.from(`\ufeff${text}`, "utf16le"))).message, /this is text in UTF-16/)
    const newer = text.replace('"version":1', '"version":2').split("\n")[0] ?? ""
    const { crc32 } = yield* Effect.promise(() => import("node:zlib"))
    const body = newer.slice(0, -18)
    const sealed = `${body},"crc":"${crc32(body).toString(16).padStart(8, "0")}"}\n`
    assert.match((yield* refusal(Buffer.from(sealed))).message, /version 2 of the format.*use a newer alex-database/)
  })
)

it.effect("a line that no string can hold is refused, whether it ends or not", () =>
  Effect.gen(function* () {
    const first = Buffer.from(`${(yield* written).toString().split("\n")[0]}\n`)
    const wide = Buffer.alloc(2 ** 20, "x")
    const lineOf = async function* (octets: number, ending: string) {
      yield first
      for (let left = octets; left > 0; left -= wide.length) yield wide.subarray(0, left)
      yield Buffer.from(ending)
    }
    for (const ending of ["\n", ""]) {
      const { message } = yield* Effect.flip(BackupReader.check("b.jsonl", lineOf(longestLine + 1, ending)))
      assert.match(message, /^b\.jsonl, line 2: .* longer than any of a backup$/)
    }
    const { message } = yield* Effect.flip(BackupReader.check("b.jsonl", lineOf(longestLine, "\n")))
    assert.match(message, /^b\.jsonl, line 2: the line is not as it was written/)
  })
)

it("a row is too long for a line at the octet at which its JSON is", () => {
  for (const character of ["x", '"', "\\", "/", "\b", "\v", "\n", "\u0001", "\u007f", "é", "漢", "😀", "\u2028"]) {
    const fits = (count: number) => !isTooLong([null, character.repeat(count)], 1000)
    const octets = (count: number) => Buffer.byteLength(JSON.stringify([null, character.repeat(count)]))
    let count = 0
    while (fits(count + 1)) count++
    assert.isAtMost(octets(count), 1000 - 38, character)
    assert.isAbove(octets(count + 1), 1000 - 80, character)
  }
})

it.live("gzip is unpacked whatever the name says, and a packed file that is cut or damaged is refused", () =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "alex-backup-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
    const file = join(folder, "b.jsonl")
    const packed = gzipSync(yield* written)
    const read = (octets: Uint8Array) => {
      writeFileSync(file, octets)
      return BackupReader.check(file, BackupFile.bytesOf(file))
    }
    assert.lengthOf((yield* read(packed)).contents, 3)
    for (let length = 20; length < packed.length; length += 11) {
      assert.match((yield* Effect.flip(read(packed.subarray(0, length)))).message, /line \d+: .*incomplete/)
    }
    const damaged = Buffer.from(packed)
    damaged[packed.length - 6] = (damaged[packed.length - 6] ?? 0) ^ 1
    assert.match((yield* Effect.flip(read(damaged))).message, /damaged \(incorrect data check\)/)
    const absent = yield* Effect.flip(BackupReader.check("absent", BackupFile.bytesOf(join(folder, "absent"))))
    assert.match(absent.message, /^absent can't be read: ENOENT/)
  })
)
