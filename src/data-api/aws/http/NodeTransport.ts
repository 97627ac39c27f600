/** Node's transport to one service. */
import { HttpTransport, usesProxy } from "./HttpTransport.ts"
import { SocketTransport } from "./SocketTransport.ts"
import type { Options, Transport } from "./Transport.ts"

/** Only Node's client supports a proxy: `NODE_USE_ENV_PROXY=1` or `--use-env-proxy` make it use HTTP_PROXY and HTTPS_PROXY. */
export const make = (options: Options = {}): Transport =>
  usesProxy() && options.socketPath === undefined ? new HttpTransport(options) : new SocketTransport(options)
