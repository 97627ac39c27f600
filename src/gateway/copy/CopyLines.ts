/** Splits COPY's text and CSV formats into lines as PostgreSQL does, in its words where it refuses them. Pure. */
import type { CopyOptions } from "./CopyStatement.ts"

/** A line, which in CSV may hold line breaks between quotes. */
export interface CopyLine {
  /** Without its line break. */
  readonly text: string
  /** PostgreSQL's number of it, from 1: of the last of its lines. */
  readonly line: number
}

/** Why the input is refused. */
export interface CopyFault {
  /** The SQLSTATE: of a bad file, or of octets that are no text. */
  readonly code: "22P04" | "22021"
  readonly message: string
  readonly line: number
  /** The line, where PostgreSQL shows it. */
  readonly text: string | undefined
}

/** What a piece completes. */
export interface CopyLines {
  readonly lines: ReadonlyArray<CopyLine>
  /** Why the line after them is refused; undefined if none is. */
  readonly fault?: CopyFault
}

/** The characters as a class of a regular expression, which finds the first of them from `lastIndex` on. */
const anyOf = (...characters: ReadonlyArray<string>): RegExp =>
  new RegExp(`[${characters.map((c) => `\\u{${c.codePointAt(0)?.toString(16)}}`).join("")}]`, "gu")

/** What a character comes to: so many characters of data, a line break of so many, the mark of the end, or an error. */
type Step =
  | { readonly data: number }
  | { readonly lineBreak: number }
  | { readonly fault: string }
  /** Its meaning depends on what has not arrived. */
  | "wait"
  | "end"

const data = (count: number): Step => ({ data: count })

export class LineSplitter {
  readonly #csv: boolean
  readonly #quote: string | undefined
  readonly #escape: string | undefined
  readonly #plainStops: RegExp
  readonly #quotedStops: RegExp
  /** The line break of the input, which the first one decides. */
  #lineBreak = ""
  #quoting = false
  /** The pieces of the line that has not ended; joined only then, since a long line comes in many. */
  #pieces: Array<string> = []
  #length = 0
  /** What could not be read without what follows. */
  #held = ""
  #line = 1
  #ended = false

  constructor({ escapeWith, format, quote }: CopyOptions) {
    this.#csv = format === "csv"
    this.#quote = this.#csv ? quote : undefined
    this.#escape = this.#csv && escapeWith !== quote ? escapeWith : undefined
    this.#plainStops = this.#csv ? anyOf("\r", "\n", quote) : anyOf("\r", "\n", "\\")
    this.#quotedStops = anyOf("\r", "\n", quote, escapeWith)
  }

  /** How many characters of a line have arrived that is not complete. */
  get left(): number {
    return this.#length + this.#held.length
  }

  /** The lines that this piece completes. */
  read(piece: string): CopyLines {
    return this.#split(piece, false)
  }

  /** The last lines, of which one may end without a line break. */
  end(): CopyLines {
    const last = this.#split("", true)
    return last.fault !== undefined || this.#length === 0 ? last : { lines: [...last.lines, this.#take("")] }
  }

  #split(piece: string, last: boolean): CopyLines {
    if (this.#ended) return { lines: [] }
    const text = this.#held + piece
    this.#held = ""
    const lines: Array<CopyLine> = []
    let from = 0
    let at = this.#stop(text, 0, 0)
    while (at < text.length) {
      const step = this.#step(text, at, last, this.#length + at - from === 0)
      if (step === "wait") {
        this.#held = text.slice(at)
        break
      }
      if (step === "end") {
        this.#ended = true
        if (this.#length + at - from > 0) lines.push(this.#take(text.slice(from, at)))
        return { lines }
      }
      if ("fault" in step) {
        return { lines, fault: { code: "22P04", message: step.fault, line: this.#line, text: undefined } }
      }
      if ("lineBreak" in step) {
        lines.push(this.#take(text.slice(from, at)))
        from = at + step.lineBreak
        at = this.#stop(text, from, from)
      } else at = this.#stop(text, at + step.data, from)
    }
    this.#keep(text.slice(from, at))
    return { lines }
  }

  /** Where the next character is that is more than data; the length of the text if there is none. */
  #stop(text: string, at: number, from: number): number {
    // CSV knows the mark of the end only where a line begins.
    if (at === from && this.#length === 0 && text[at] === "\\") return at
    const stops = this.#quoting ? this.#quotedStops : this.#plainStops
    stops.lastIndex = at
    return stops.exec(text)?.index ?? text.length
  }

  #keep(text: string): void {
    if (text === "") return
    this.#pieces.push(text)
    this.#length += text.length
  }

  #take(rest: string): CopyLine {
    const text = this.#pieces.join("") + rest
    this.#pieces = []
    this.#length = 0
    return { text, line: this.#line++ }
  }

  #step(text: string, at: number, last: boolean, first: boolean): Step {
    const c = text[at]
    const next = text[at + 1]
    if (next === undefined && !last && (c === "\r" || c === "\\" || c === this.#escape)) return "wait"
    if (this.#quoting && c === this.#escape && (next === this.#quote || next === this.#escape)) return data(2)
    if (c === this.#quote) this.#quoting = !this.#quoting
    if (this.#quoting) {
      if (c === (this.#lineBreak === "\n" ? "\n" : "\r")) this.#line++
      return data(1)
    }
    if (c === "\r" || c === "\n") return this.#lineEnd(c, next)
    return c === "\\" && (!this.#csv || first) ? this.#mark(text, at, last) : data(1)
  }

  #lineEnd(c: "\r" | "\n", next: string | undefined): Step {
    const found = c === "\r" && next === "\n" && this.#lineBreak !== "\r" ? "\r\n" : c
    if (this.#lineBreak !== "" && this.#lineBreak !== found) {
      const kind = this.#csv ? "unquoted" : "literal"
      return { fault: `${kind} ${c === "\r" ? "carriage return" : "newline"} found in data` }
    }
    this.#lineBreak = found
    return { lineBreak: found.length }
  }

  /** What a backslash begins: the mark of the end, or in text a character that is data whatever it is. */
  #mark(text: string, at: number, last: boolean): Step {
    if (text[at + 1] !== ".") return data(this.#csv || at + 1 === text.length ? 1 : 2)
    const corrupt = this.#csv ? data(1) : { fault: "end-of-copy marker corrupt" }
    const otherBreak: Step = { fault: "end-of-copy marker does not match previous newline style" }
    let to = at + 2
    if (text[to] === undefined) return last ? corrupt : "wait"
    if (this.#lineBreak === "\r\n") {
      if (text[to] === "\n") return this.#csv ? data(1) : otherBreak
      if (text[to] !== "\r") return corrupt
      to++
      if (text[to] === undefined) return last ? corrupt : "wait"
    }
    const c = text[to]
    if (c !== "\r" && c !== "\n") return corrupt
    return this.#lineBreak === "" || this.#lineBreak.endsWith(c) ? "end" : otherBreak
  }
}
