/** Node's transport to one service. */
import { HttpTransport } from "./HttpTransport.ts"
import { SocketTransport } from "./SocketTransport.ts"
import type { Options, Transport } from "./Transport.ts"

/** A proxy is Node's own client's to speak to: `NODE_USE_ENV_PROXY=1` is its switch for HTTP_PROXY and HTTPS_PROXY. */
export const make = (options: Options = {}): Transport =>
  process.env["NODE_USE_ENV_PROXY"] === "1" && options.socketPath === undefined
    ? new HttpTransport(options)
    : new SocketTransport(options)
