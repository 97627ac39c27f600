/**
 * Reads JSON as models write it: with comments, single quotes, names without quotes, commas before an end, words of
 * Python. Numbers keep their digits, since a JavaScript number may not hold them exactly. Each repair is named.
 */
import { Data, Result } from "effect"

/** A number as it is written. */
export class Digits extends Data.Class<{ readonly text: string }> {}

/** A JSON value whose numbers are {@link Digits}. */
export type Loose = null | boolean | string | Digits | ReadonlyArray<Loose> | Fields

/** The members of an object, in their order. */
export class Fields extends Data.Class<{ readonly members: ReadonlyMap<string, Loose> }> {}

/** The value that was read, the offset of its end, and the repairs that were made. */
export interface Read {
  readonly value: Loose
  readonly end: number
  readonly repairs: ReadonlySet<string>
}

/** Why a value can't be read. */
export class Unreadable extends Data.TaggedError("Unreadable")<{
  readonly message: string
  /** The offset in the text. */
  readonly at: number
  /** Whether the text ends too early. */
  readonly cut: boolean
}> {}

const deepest = 64

const words: Readonly<Record<string, null | boolean>> = {
  true: true,
  false: false,
  null: null,
  True: true,
  False: false,
  None: null,
  undefined: null
}

const strictWords = new Set(["true", "false", "null"])

/** The closing quote of each opening quote. */
const closing: Readonly<Record<string, string>> = { '"': '"', "'": "'", "“": "”", "‘": "’" }

/** The escapes of one sign: those of JSON, and what Python and JavaScript both read. */
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["'", "'"],
  ["\n", ""]
])

const ofOtherLanguages = ["'", "\n"]

/** A text with a position that moves. Failures are returned as {@link Result}, not thrown. */
class Reader {
  at: number
  readonly repairs = new Set<string>()
  readonly text: string

  constructor(text: string, at: number) {
    this.text = text
    this.at = at
  }

  get next(): string {
    return this.text[this.at] ?? ""
  }

  fail(message: string): Result.Result<never, Unreadable> {
    const cut = this.at >= this.text.length
    return Result.fail(new Unreadable({ at: this.at, cut, message: cut ? "it ends before its end" : message }))
  }

  skip(): void {
    for (;;) {
      const rest = /\s*(?:\/\/[^\n]*|\/\*[\s\S]*?\*\/)?/y
      rest.lastIndex = this.at
      const [found = ""] = rest.exec(this.text) ?? []
      if (found === "") return
      if (found.trim() !== "") this.repairs.add("comments were left out")
      this.at += found.length
    }
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }
}

type Reading = Result.Result<Loose, Unreadable>

/** The character of an escape by its number: of JSON with four digits, of Python and JavaScript otherwise. */
const numbered = /u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}/y

/**
 * Reads an escape, from behind its backslash. An unknown one has two meanings: JavaScript drops the backslash, Python and
 * Markdown keep it.
 */
const readEscape = (reader: Reader): Result.Result<string, Unreadable> => {
  const byNumber = reader.match(numbered)
  const escaped = byNumber ?? reader.match(/[uUx]\{?[0-9a-fA-F]*$|[\s\S]/uy) ?? ""
  const code = Number.parseInt(byNumber?.replaceAll(/[uUx{}]/g, "") ?? "", 16)
  const meant = code <= 0x10ffff ? String.fromCodePoint(code) : escapes.get(escaped)
  if (meant === undefined) {
    return reader.fail(`\\${escaped} is no escape of JSON; write \\\\${escaped} where a backslash is meant`)
  }
  if (ofOtherLanguages.includes(escaped) || (byNumber !== undefined && !/^u\w/.test(byNumber))) {
    reader.repairs.add("escapes of other languages were read as the characters that they mean")
  }
  return Result.succeed(meant)
}

const readText = (reader: Reader): Result.Result<string, Unreadable> => {
  const end = closing[reader.next] ?? ""
  if (end !== '"') reader.repairs.add("other quotes were read as double quotes")
  reader.at++
  let text = ""
  for (;;) {
    const { next } = reader
    if (next === "") return reader.fail("a text has no end")
    reader.at++
    if (next === end) return Result.succeed(text)
    if (next === "\\") {
      const escaped = readEscape(reader)
      if (Result.isFailure(escaped)) return Result.fail(escaped.failure)
      text += escaped.success
    } else {
      if (next < " ") reader.repairs.add("line breaks in texts were escaped")
      text += next
    }
  }
}

const readWord = (reader: Reader): Reading => {
  const number = reader.match(/[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y)
  if (number !== undefined) {
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(number))
      reader.repairs.add("numbers were written as JSON has them")
    return Result.succeed(new Digits({ text: number }))
  }
  const word = reader.match(/[A-Za-z]+(?!\w)/y)
  if (word === undefined || !Object.hasOwn(words, word)) return reader.fail("a value is missing or is not JSON")
  if (!strictWords.has(word)) reader.repairs.add("words of other languages were read as true, false and null")
  return Result.succeed(words[word] ?? null)
}

/** Reads to the end of a list or an object: members with commas between, and maybe one before the end. */
const readMembers = (reader: Reader, end: string, member: () => Result.Result<void, Unreadable>) =>
  Result.gen(function* () {
    reader.at++
    for (reader.skip(); reader.next !== end; reader.skip()) {
      yield* member()
      reader.skip()
      if (reader.next === end) break
      if (reader.next !== ",") return yield* reader.fail("a comma or an end is missing")
      reader.at++
      reader.skip()
      if (reader.next === end) reader.repairs.add("commas before an end were left out")
    }
    reader.at++
  })

const readName = (reader: Reader): Result.Result<string, Unreadable> => {
  if (reader.next in closing) return readText(reader)
  const name = reader.match(/[A-Za-z_$][\w$-]*/y)
  if (name === undefined) return reader.fail("the name of a member is missing")
  reader.repairs.add("names without quotes were quoted")
  return Result.succeed(name)
}

const readObject = (reader: Reader, depth: number): Reading => {
  const members = new Map<string, Loose>()
  const member = () =>
    Result.gen(function* () {
      const name = yield* readName(reader)
      reader.skip()
      if (reader.next !== ":") return yield* reader.fail("a colon is missing")
      reader.at++
      if (members.has(name)) return yield* reader.fail("the name of a member comes twice")
      members.set(name, yield* readValue(reader, depth + 1))
    })
  return Result.map(readMembers(reader, "}", member), () => new Fields({ members }))
}

const readList = (reader: Reader, depth: number): Reading => {
  const items: Array<Loose> = []
  const member = () => Result.map(readValue(reader, depth + 1), (item) => void items.push(item))
  return Result.map(readMembers(reader, "]", member), () => items)
}

const readValue = (reader: Reader, depth: number): Reading => {
  if (depth > deepest) return reader.fail("it is nested too deep")
  reader.skip()
  if (reader.next === "{") return readObject(reader, depth)
  if (reader.next === "[") return readList(reader, depth)
  if (reader.next in closing) return readText(reader)
  return readWord(reader)
}

/** Reads the value that begins at a position of a text. */
export const readLoose = (text: string, at: number): Result.Result<Read, Unreadable> => {
  const reader = new Reader(text, at)
  return Result.map(readValue(reader, 0), (value) => ({ value, end: reader.at, repairs: reader.repairs }))
}
