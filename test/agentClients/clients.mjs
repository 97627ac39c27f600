/**
 * Foreign clients of the MCP server, each as its documentation shows it. Reads the name of one and what to call, prints
 * which tools it found, and what its model would be shown of each call.
 */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { promisify } from "node:util"

const { args, calls, client, command, env } = JSON.parse(readFileSync(process.argv[2], "utf8"))

/** The MCP project's own SDK; checks structured content against the output schemas. */
const sdk = async () => {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js")
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js")
  const one = new Client({ name: "test", version: "0" })
  await one.connect(new StdioClientTransport({ command, args, env, stderr: "ignore" }))
  const { tools } = await one.listTools()
  const seen = {}
  for (const call of calls) {
    const { content, isError, structuredContent } = await one.callTool(call)
    seen[call.name] = { isError: isError === true, text: content[0].text, structured: structuredContent !== undefined }
  }
  const capabilities = Object.keys(one.getServerCapabilities())
  await one.close()
  return { tools: tools.map(({ name }) => name), seen, capabilities }
}

/** The inspector's command line, a process for each call. */
const inspector = async () => {
  const bin = createRequire(import.meta.url)
    .resolve("@modelcontextprotocol/inspector/package.json")
    .replace("package.json", "clients/launcher/build/index.js")
  const run = async (...asked) => {
    const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`])
    const all = [bin, "--cli", ...variables, ...asked, "--", command, ...args]
    const { stderr, stdout } = await promisify(execFile)(process.execPath, all, { maxBuffer: 2 ** 26 }).catch(
      (failed) => failed
    )
    if (!stdout.includes("{")) throw new Error(`${asked.join(" ")}: ${stderr}`)
    return { answer: JSON.parse(stdout.slice(stdout.indexOf("{"))), stderr }
  }
  const { answer, stderr } = await run("--method", "tools/list", "--strict")
  const seen = {}
  for (const call of calls) {
    const pairs = Object.entries(call.arguments).flatMap(([name, value]) => [
      "--tool-arg",
      `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`
    ])
    const { answer: result } = await run("--method", "tools/call", "--tool-name", call.name, ...pairs)
    seen[call.name] = { isError: result.isError === true, text: result.content[0].text }
  }
  return { tools: answer.tools.map(({ name }) => name), seen, portability: stderr }
}

const langchain = async () => {
  const { MultiServerMCPClient } = await import("@langchain/mcp-adapters")
  const one = new MultiServerMCPClient({
    mcpServers: { alex: { transport: "stdio", command, args, env, stderr: "ignore" } }
  })
  const tools = await one.getTools()
  const seen = {}
  for (const call of calls) {
    const tool = tools.find(({ name }) => name === call.name)
    try {
      const shown = await tool.invoke(call.arguments)
      seen[call.name] = {
        isError: false,
        text: typeof shown === "string" ? shown : (shown.text ?? JSON.stringify(shown))
      }
    } catch (error) {
      seen[call.name] = { isError: true, text: error.message }
    }
  }
  await one.close()
  return { tools: tools.map(({ name }) => name), seen }
}

const aiSdk = async () => {
  const { createMCPClient } = await import("@ai-sdk/mcp")
  const { Experimental_StdioMCPTransport } = await import("@ai-sdk/mcp/mcp-stdio")
  const transport = new Experimental_StdioMCPTransport({ command, args, env, stderr: "ignore" })
  const one = await createMCPClient({ transport })
  const tools = await one.tools()
  const seen = {}
  for (const call of calls) {
    const output = await tools[call.name].execute(call.arguments, { toolCallId: "1", messages: [] })
    const shown = await tools[call.name].toModelOutput({ output, toolCallId: "1", input: call.arguments })
    const text = shown.type === "content" ? shown.value[0].text : JSON.stringify(shown.value)
    seen[call.name] = { isError: output.isError === true, text }
  }
  await one.close()
  return { tools: Object.keys(tools), seen }
}

const openaiAgents = async () => {
  const { getAllMcpTools, MCPServerStdio, RunContext, setTracingDisabled } = await import("@openai/agents")
  setTracingDisabled(true)
  const server = new MCPServerStdio({ name: "alex", command, args, env })
  await server.connect()
  const tools = await getAllMcpTools({ mcpServers: [server], convertSchemasToStrict: true })
  const seen = {}
  for (const call of calls) {
    const tool = tools.find(({ name }) => name === call.name)
    const shown = await tool.invoke(new RunContext(), JSON.stringify(call.arguments), {})
    const text = typeof shown === "string" ? shown : (shown.text ?? JSON.stringify(shown))
    seen[call.name] = { isError: text.includes('"error":"'), text }
  }
  await server.close()
  return { tools: tools.map(({ name }) => name), seen }
}

/**
 * As desktop clients behave: a server is started twice on one folder, every optional argument that the model did not
 * give is sent as null, and tools that need none get a dummy.
 */
const desktop = async () => {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js")
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js")
  const start = async () => {
    const one = new Client({ name: "desktop", version: "0" })
    await one.connect(new StdioClientTransport({ command, args, env, stderr: "ignore" }))
    return one
  }
  const [first, second] = await Promise.all([start(), start()])
  const { tools } = await first.listTools()
  const seen = {}
  for (const [index, call] of calls.entries()) {
    const { properties = {}, required = [] } = tools.find(({ name }) => name === call.name).inputSchema
    const optional = Object.keys(properties).filter((name) => !required.includes(name))
    const given = { ...Object.fromEntries(optional.map((name) => [name, null])), ...call.arguments }
    if (required.length === 0) given.random_string = "dummy"
    const one = index % 2 === 0 ? first : second
    const { content, isError } = await one.callTool({ name: call.name, arguments: given })
    seen[call.name] = { isError: isError === true, text: content[0].text }
  }
  await Promise.all([first.close(), second.close()])
  return { tools: tools.map(({ name }) => name), seen }
}

const clients = { sdk, inspector, langchain, aiSdk, openaiAgents, desktop }
process.stdout.write(`${JSON.stringify(await clients[client]())}\n`)
process.exit(0)
