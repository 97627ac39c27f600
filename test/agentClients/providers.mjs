/**
 * The definitions of the tools and the schemas of payloads, held against each provider's own SDK: its validators and
 * conversions where it has some, and a request that it serializes and sends to a server that records it.
 */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"

const { definitions, payloads } = JSON.parse(readFileSync(process.argv[2], "utf8"))

const sent = []
const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  sent.push({ url: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) })
  response.writeHead(200, { "content-type": "application/json" })
  response.end(JSON.stringify(answers[sent.length - 1] ?? {}))
})
const answers = []
// A client may use its connection again after any time: on a busy machine, later than a server keeps one by default.
server.keepAliveTimeout = 0
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
const url = `http://127.0.0.1:${server.address().port}`

const last = () => sent.at(-1).body
const report = {}

{
  const { default: OpenAI } = await import("openai")
  const { toStrictJsonSchema } = await import("openai/lib/transform")
  const client = new OpenAI({ apiKey: "x", baseURL: url, maxRetries: 0 })
  answers[sent.length] = { id: "r", object: "response", output: [], status: "completed" }
  await client.responses.create({ model: "m", input: "hi", tools: definitions.openai })
  report.openai = { tools: last().tools }
  answers[sent.length] = { id: "c", object: "chat.completion", choices: [] }
  await client.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    tools: definitions["openai-chat"]
  })
  report["openai-chat"] = { tools: last().tools }
  report.openai.strict = Object.fromEntries(
    Object.entries(payloads.openai).map(([kind, schema]) => [kind, toStrictJsonSchema(structuredClone(schema))])
  )
}

{
  const { tool } = await import("@openai/agents")
  report.agents = definitions.openai.map(({ description, name, parameters }) => {
    const made = tool({ name, description, parameters, strict: false, execute: () => "" })
    return made.name
  })
}

{
  const { default: Anthropic } = await import("@anthropic-ai/sdk")
  const { transformJSONSchema } = await import("@anthropic-ai/sdk/lib/transform-json-schema")
  const client = new Anthropic({ apiKey: "x", baseURL: url, maxRetries: 0 })
  answers[sent.length] = { id: "m", type: "message", role: "assistant", content: [], stop_reason: "end_turn" }
  await client.messages.create({
    model: "m",
    max_tokens: 1,
    messages: [{ role: "user", content: "hi" }],
    tools: definitions.anthropic
  })
  report.anthropic = {
    tools: last().tools,
    transformed: Object.fromEntries(
      Object.entries(payloads.anthropic).map(([kind, schema]) => [kind, transformJSONSchema(structuredClone(schema))])
    )
  }
}

{
  const { GoogleGenAI } = await import("@google/genai")
  const client = new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: url } })
  answers[sent.length] = { candidates: [] }
  await client.models.generateContent({
    model: "m",
    contents: "hi",
    config: { tools: [{ functionDeclarations: definitions.gemini }] }
  })
  report.gemini = { tools: last().tools[0].functionDeclarations }
}

{
  const { BedrockRuntimeClient, ConverseCommand } = await import("@aws-sdk/client-bedrock-runtime")
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: url,
    credentials: { accessKeyId: "x", secretAccessKey: "x" },
    maxAttempts: 1,
    requestHandler: (await import("@smithy/node-http-handler")).NodeHttpHandler.create({})
  })
  answers[sent.length] = { output: { message: { role: "assistant", content: [] } }, stopReason: "end_turn", usage: {} }
  await client.send(
    new ConverseCommand({
      modelId: "m",
      messages: [{ role: "user", content: [{ text: "hi" }] }],
      toolConfig: { tools: definitions.bedrock }
    })
  )
  report.bedrock = { tools: last().toolConfig.tools }
}

{
  const { ListToolsResultSchema } = await import("@modelcontextprotocol/sdk/types.js")
  report.mcp = { tools: ListToolsResultSchema.parse({ tools: definitions.mcp }).tools }
}

server.close()
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit(0)
