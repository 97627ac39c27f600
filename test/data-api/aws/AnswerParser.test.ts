import { assert, describe, it } from "@effect/vitest"
import { AnswerParser } from "../../../src/data-api/aws/http/AnswerParser.ts"
import { textOfBody } from "../../../src/data-api/rest-json/WireFailures.ts"

const lines = (...all: ReadonlyArray<string>): string => all.join("\r\n")

/** Reads what arrives in pieces of a size, all in one buffer as a socket's; at the end nothing more comes. */
const read = (text: string, size: number): AnswerParser => {
  const parser = new AnswerParser()
  const bytes = Buffer.from(text, "latin1")
  const buffer = Buffer.alloc(size)
  for (let at = 0; at < bytes.length; at += size) {
    parser.push(buffer.subarray(0, bytes.copy(buffer, 0, at, at + size)))
    buffer.fill("overwritten")
  }
  return parser
}

const sizes = [1, 2, 3, 7, 16, 10_000]

const answers: ReadonlyArray<readonly [string, string, { readonly body: string; readonly persists: boolean }]> = [
  ["a length", lines("HTTP/1.1 200 OK", "Content-Length: 5", "", "hello"), { body: "hello", persists: true }],
  ["no reason phrase", lines("HTTP/1.1 200", "content-length:2", "", "{}"), { body: "{}", persists: true }],
  ["an empty body", lines("HTTP/1.1 200 OK", "content-length: 0", "", ""), { body: "", persists: true }],
  ["no content", lines("HTTP/1.1 204 No Content", "", ""), { body: "", persists: true }],
  [
    "chunks, with an extension and trailers",
    lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "3;a=b", "hel", "2", "lo", "0", "x: y", "", ""),
    { body: "hello", persists: true }
  ],
  [
    "a body that ends a line",
    lines("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "4", "\r\n\r\n", "0", "", ""),
    { body: "\r\n\r\n", persists: true }
  ],
  [
    "an announcement before it",
    lines("HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", "content-length: 1", "", "1"),
    { body: "1", persists: true }
  ],
  [
    "the wish to close",
    lines("HTTP/1.1 200 OK", "Connection: Close", "content-length: 1", "", "1"),
    { body: "1", persists: false }
  ],
  [
    "the wish to close among others",
    lines("HTTP/1.1 200 OK", "Connection: TE, close", "content-length: 1", "", "1"),
    { body: "1", persists: false }
  ],
  [
    "the length of a body that it leaves out",
    lines("HTTP/1.1 304 Not Modified", "content-length: 5", "", ""),
    { body: "", persists: true }
  ],
  ["HTTP/1.0", lines("HTTP/1.0 200 OK", "content-length: 1", "", "1"), { body: "1", persists: false }],
  [
    "HTTP/1.0 that stays",
    lines("HTTP/1.0 200 OK", "connection: keep-alive", "content-length: 1", "", "1"),
    { body: "1", persists: true }
  ],
  [
    "UTF-8",
    lines("HTTP/1.1 200 OK", "content-length: 6", "", "\xc3\xa9\xf0\x9f\x98\x80"),
    { body: "é😀", persists: true }
  ]
]

describe("an answer of HTTP/1.1", () => {
  for (const [what, text, expected] of answers) {
    it(`with ${what} is read, in whatever pieces it arrives`, () => {
      for (const size of sizes) {
        const parser = read(text, size)
        assert.isTrue(parser.done, `${size}: ${parser.wrong}`)
        assert.deepStrictEqual({ body: textOfBody(parser.answer), persists: parser.persists }, expected)
        assert.strictEqual(parser.answer.size, Buffer.byteLength(expected.body))
      }
    })
  }

  it("has its headers by their names in small letters, and none of an object's own", () => {
    const { answer } = read(
      lines(
        "HTTP/1.1 403 Forbidden",
        "X-Amzn-ErrorType:  A:http://b/ ",
        "Date: d",
        "date: e",
        "content-length: 0",
        "",
        ""
      ),
      10_000
    )
    assert.strictEqual(answer.status, 403)
    assert.deepStrictEqual(
      { ...answer.headers },
      { "x-amzn-errortype": "A:http://b/", date: "d, e", "content-length": "0" }
    )
    assert.isUndefined(answer.headers["constructor"])
  })

  it("has headers of any blanks, and is refused at once for a control character behind as many as fit", () => {
    const blanks = " \t".repeat(8000)
    const { answer } = read(
      lines("HTTP/1.1 200 OK", `a:${blanks}b${" ".repeat(100)}`, "content-length: 0", "", ""),
      10_000
    )
    assert.strictEqual(answer.headers["a"], "b")
    for (const start of [blanks, `b${blanks}`, `${blanks.slice(8000)}b${blanks.slice(8000)}`]) {
      const { wrong } = read(lines("HTTP/1.1 200 OK", `a:${start}\0`, "content-length: 0", "", ""), 10_000)
      assert.strictEqual(wrong, "the answer is not HTTP")
    }
  })

  it("without a length ends where the connection does, which takes no other request", () => {
    const parser = read(lines("HTTP/1.1 200 OK", "", "all of it"), 3)
    assert.isFalse(parser.done)
    parser.end()
    assert.isTrue(parser.done)
    assert.isFalse(parser.persists)
    assert.strictEqual(textOfBody(parser.answer), "all of it")
  })

  it("that broke off is none", () => {
    const whole = lines("HTTP/1.1 200 OK", "content-length: 5", "", "hello")
    const chunked = lines("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "5", "hello", "0", "", "")
    for (const text of [whole, chunked]) {
      for (let length = 1; length < text.length; length++) {
        const parser = read(text.slice(0, length), 10_000)
        assert.isFalse(parser.done, text.slice(0, length))
        parser.end()
        assert.strictEqual(parser.wrong, "the answer broke off")
      }
    }
  })

  it("with more behind it leaves a connection that is not used again", () => {
    const parser = read(`${lines("HTTP/1.1 200 OK", "content-length: 1", "", "1")}HTTP/1.1 200 OK`, 10_000)
    assert.isTrue(parser.done)
    assert.isFalse(parser.persists)
  })

  const refused: ReadonlyArray<readonly [what: string, text: string, why: string]> = [
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "the answer is not HTTP"],
    ["another version", "HTTP/2 200 OK\r\n\r\n", "the answer is not HTTP"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "the answer is not HTTP"],
    ["a change of protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "the answer is not HTTP"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "the answer is not HTTP"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 1\r\n\r\n1", "the answer is not HTTP"],
    ["a folded header", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", "the answer is not HTTP"],
    ["a control character", "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n", "the answer is not HTTP"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12", "its length is not clear"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "its length is not clear"
    ],
    ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "its length is not clear"],
    ["a length with a sign", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n1", "its length is not clear"],
    ["a coding of its own", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "its length is not clear"],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n", "its length is not clear"],
    [
      "a chunk that is longer than it says",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n12\r\n0\r\n\r\n",
      "its length is not clear"
    ],
    ["headers without end", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(4000)}`, "its headers are too long"],
    [
      "a chunk's line without end",
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${"a".repeat(2000)}`,
      "its length is not clear"
    ]
  ]
  for (const [what, text, why] of refused) {
    it(`is refused with ${what}`, () => {
      for (const size of sizes) {
        const parser = read(text, size)
        assert.isFalse(parser.done)
        assert.include(parser.wrong ?? "", why)
      }
    })
  }

  it("with a body of megabytes is read whole, whether its length is announced or not", () => {
    const body = Array.from({ length: 300_000 }, (_, n) => String(n)).join(",")
    const chunk = (at: number) => {
      const text = body.slice(at, at + 50_000)
      return `${text.length.toString(16)}\r\n${text}\r\n`
    }
    const chunks = Array.from({ length: Math.ceil(body.length / 50_000) }, (_, n) => chunk(n * 50_000)).join("")
    for (const text of [
      lines("HTTP/1.1 200 OK", `content-length: ${body.length}`, "", body),
      `${lines("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", chunks)}0\r\n\r\n`
    ]) {
      const parser = read(text, 65_536)
      assert.isTrue(parser.done, parser.wrong)
      assert.isTrue(textOfBody(parser.answer) === body)
      assert.strictEqual(parser.answer.size, body.length)
    }
  })

  it("that announces more than any machine could hold takes no more memory than an answer of the service", () => {
    const before = process.memoryUsage().arrayBuffers
    const parser = read(lines("HTTP/1.1 200 OK", "content-length: 999999999999999", "", "{"), 10_000)
    assert.isFalse(parser.done)
    assert.isUndefined(parser.wrong)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 4 * 1024 * 1024)
  })
})
