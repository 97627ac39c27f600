/** What clients send that is no message of the protocol, and the ids and codes of the answers. */

const initialize = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "a", version: "0" } }
const request = (id: unknown, method: unknown, params?: unknown) => ({ jsonrpc: "2.0", id, method, params })
const ping = request(5, "ping")
const call = (params: object) => request(5, "tools/call", { name: "list_jobs", ...params })
const list = (params: unknown) => request(5, "tools/list", params)

type Answer = readonly [id: unknown, code: number]

/** Messages, or their text, with their answers: of a batch a list of them. */
export const oddMessages: ReadonlyArray<readonly [sent: unknown, answers: Answer | ReadonlyArray<Answer>]> = [
  ["{not json", [null, -32700]],
  ...["5", "null", "true", '"x"', "{}"].map((sent) => [sent, [null, -32600]] as const),
  [[], [null, -32600]],
  [[1], [[null, -32600]]],
  [
    [1, null, []],
    [
      [null, -32600],
      [null, -32600],
      [null, -32600]
    ]
  ],
  [
    [ping, 1, { jsonrpc: "2.0", method: "notifications/initialized" }, { jsonrpc: "2.0", id: 8, result: {} }],
    [
      [5, -32600],
      [null, -32600]
    ]
  ],
  [[request([], "ping")], [[null, -32600]]],
  ...[5, null, {}, [], true].map((method) => [request(5, method), [5, -32600]] as const),
  [{ jsonrpc: "2.0", method: {} }, [null, -32600]],
  ...[null, true, {}, []].map((id) => [request(id, "ping"), [null, -32600]] as const),
  [{ id: 5, method: "ping" }, [5, -32600]],
  [{ jsonrpc: "1.0", id: 5, method: "ping" }, [5, -32600]],
  [{ jsonrpc: "2.0", id: 4 }, [4, -32600]],
  [{ jsonrpc: "2.0", result: {} }, [null, -32600]],
  [{ jsonrpc: "2.0", id: null, result: {} }, [null, -32600]],
  // An id that JSON does not keep would be another one in the answer, and a client would wait for ever.
  ['{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', [null, -32600]],
  ['{"jsonrpc":"2.0","id":1e400,"method":"ping"}', [null, -32600]],
  ['{"jsonrpc":"2.0","id":5,"id":6,"method":"ping"}', [null, -32600]],
  ['{"jsonrpc":"2.0","id":5,"method":"ping","method":"tools/list"}', [null, -32600]],
  [
    '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"list_jobs","_meta":{"progressToken":9007199254740993}}}',
    [5, -32602]
  ],
  ['{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"list_jobs","name":"read_job"}}', [5, -32602]],
  ...["nonsense", 5, {}].map((cursor) => [list({ cursor }), [5, -32602]] as const),
  ...[[], "x", 5].map((params) => [list(params), [5, -32602]] as const),
  ...[5, "x", true, [1]].map((args) => [call({ arguments: args }), [5, -32602]] as const),
  ...[5, null].map((name) => [call({ name }), [5, -32602]] as const),
  [request(5, "tools/call"), [5, -32602]],
  [request(5, "initialize", { ...initialize, protocolVersion: 1 }), [5, -32602]],
  [request(5, "initialize", { ...initialize, clientInfo: { name: "a" } }), [5, -32602]],
  [request(5, "initialize", { ...initialize, capabilities: null }), [5, -32602]],
  [request(5, "initialize"), [5, -32602]]
]

/** Requests in which clients write what they leave out, or name what is of no protocol, and that are answered. */
export const looseMessages: ReadonlyArray<object> = [
  request(5, "ping", null),
  list(null),
  list({ cursor: null, _meta: null }),
  list({ cursor: "" }),
  call({ arguments: null, _meta: { progressToken: null } }),
  call({ task: null }),
  { ...ping, headers: 5 },
  { ...ping, headers: { a: 1 }, traceId: 5, spanId: {}, sampled: "x", isNotification: true }
]

/** The id and the code of an answer, or those of each of a batch. */
export const answersOf = (answer: unknown): unknown =>
  Array.isArray(answer)
    ? answer.map(answersOf)
    : [Reflect.get(Object(answer), "id"), Reflect.get(Object(Reflect.get(Object(answer), "error")), "code")]
