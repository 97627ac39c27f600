/** A real Chromium, driven over its own protocol: pages at any size, in the dark, as printed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const names = ["chromium", "chromium-browser", "google-chrome"]

/** The browser of this machine, if it has one. */
export const browser = names.find((name) => spawnSync(name, ["--version"], { timeout: 20_000 }).status === 0)

/** How a page is looked at. */
export interface View {
  readonly width: number
  readonly height: number
  readonly dark?: boolean
  readonly print?: boolean
}

type Answer = ReturnType<typeof JSON.parse>

const started = async (child: ChildProcess): Promise<string> => {
  let told = ""
  for await (const chunk of child.stderr ?? []) {
    told += chunk
    const url = /ws:\/\/\S+/.exec(told)?.[0]
    if (url !== undefined) return url
  }
  throw new Error(`Chromium did not start: ${told}`)
}

export class Chromium {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #id = 0
  #session: string | undefined
  /** What pages said on their console. */
  readonly said: Array<string> = []

  private constructor(child: ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child
    this.#folder = folder
    this.#socket = socket
    socket.addEventListener("message", ({ data }) => {
      const message: Answer = JSON.parse(String(data))
      if (message.method === "Runtime.consoleAPICalled" || message.method === "Runtime.exceptionThrown") {
        this.said.push(JSON.stringify(message.params))
      }
      this.#waiting.get(message.id)?.(message)
    })
  }

  static async start(): Promise<Chromium> {
    const folder = mkdtempSync(join(tmpdir(), "alex-chromium-"))
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    const child = spawn(browser ?? "", [...flags, `--user-data-dir=${folder}`, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    const socket = new WebSocket(await started(child))
    await once(socket, "open")
    const chromium = new Chromium(child, folder, socket)
    const { targetId } = await chromium.#call("Target.createTarget", { url: "about:blank" })
    const { sessionId } = await chromium.#call("Target.attachToTarget", { targetId, flatten: true })
    chromium.#session = sessionId
    await chromium.#call("Page.enable", {})
    await chromium.#call("Runtime.enable", {})
    return chromium
  }

  #call(method: string, params: object): Promise<Answer> {
    const id = ++this.#id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error, result }) => {
        this.#waiting.delete(id)
        if (error === undefined) resolve(result)
        else reject(new Error(`${method}: ${error.message}`))
      })
      this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }))
    })
  }

  /** Opens a document of this text. */
  async show(html: string, { dark = false, height, print = false, width }: View): Promise<void> {
    await this.#call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 500
    })
    await this.#call("Emulation.setEmulatedMedia", {
      media: print ? "print" : "screen",
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]
    })
    const { frameTree } = await this.#call("Page.getFrameTree", {})
    await this.#call("Page.setDocumentContent", { frameId: frameTree.frame.id, html })
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<Answer> {
    const { result } = await this.#call("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true })
    return result.value
  }

  /** The page from its top to at most this far down, as PNG in base64. */
  async screenshot(width: number, height: number): Promise<string> {
    const clip = { x: 0, y: 0, width, height, scale: 1 }
    const { data } = await this.#call("Page.captureScreenshot", { captureBeyondViewport: true, clip })
    return data
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "close")
    this.#child.kill()
    await ended
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
