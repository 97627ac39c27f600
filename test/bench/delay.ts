/** Passes requests on after a while, as a network would: `/10/Execute` to `/Execute` after 10 milliseconds. */
import { Agent, createServer, request } from "node:http"

const target = new URL(process.argv[2] ?? "")
const agent = new Agent({ keepAlive: true })

const server = createServer((incoming, outgoing) => {
  const [, delay = "0", ...path] = (incoming.url ?? "").split("/")
  const chunks: Array<Buffer> = []
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
  incoming.on("end", () => {
    const pass = () => {
      const { headers, method } = incoming
      const options = { agent, headers, host: target.hostname, method, path: `/${path.join("/")}`, port: target.port }
      const passed = request(options, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(outgoing)
      })
      passed.on("error", () => outgoing.destroy())
      passed.end(Buffer.concat(chunks))
    }
    setTimeout(pass, Number(delay))
  })
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.stdout.write(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`)
})
