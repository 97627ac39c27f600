/** Calls a server of TLS twice by its name and once by its address, and prints what came of it. */
import { Result } from "effect"
import { SocketTransport } from "../../../src/data-api/aws/http/SocketTransport.ts"
import { textOfBody } from "../../../src/data-api/rest-json/WireFailures.ts"

const [port, size] = process.argv.slice(2).map(Number)
/** The first word of an answer that has arrived whole. */
const word = (text: string): string => (text.length === size ? (text.split(" ")[0] ?? "") : `${text.length} octets`)
const call = (transport: SocketTransport, hostname: string) =>
  new Promise<string>((resolve) => {
    const target = { protocol: "https:", hostname, port, path: "/", headers: { host: hostname }, body: "{}" }
    transport.send(target, (answer) =>
      resolve(
        Result.isSuccess(answer)
          ? word(textOfBody(answer.success))
          : (/established: (\w+)/.exec(answer.failure.message)?.[1] ?? "")
      )
    )
  })

const known = new SocketTransport()
const answers = [await call(known, "localhost"), await call(known, "localhost")]
process.stdout.write(JSON.stringify([...answers, await call(new SocketTransport(), "127.0.0.1")]))
process.exit(0)
