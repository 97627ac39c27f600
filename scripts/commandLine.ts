/** The command line as a bundle: for the package, and for the tests, which start it hundreds of times. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build, type Plugin } from "esbuild"

interface Bundle {
  readonly outdir: string
  readonly sourcemap: boolean
  /** The expression for the URL that a module, given by its path, would have if it was not bundled. */
  readonly urlOf: (path: string) => string
}

const unbundledUrls = (urlOf: Bundle["urlOf"]): Plugin => ({
  name: "unbundled URLs",
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll(/\bimport\.meta\.url\b/g, () => urlOf(path)),
      loader: "ts"
    }))
  }
})

/** Bundles `src/cli/start.ts` and what it imports; what a command loads when it needs it becomes a chunk. */
export const bundleCommandLine = ({ outdir, sourcemap, urlOf }: Bundle) =>
  build({
    absWorkingDir: fileURLToPath(new URL("../", import.meta.url)),
    entryPoints: ["src/cli/start.ts"],
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.19",
    chunkNames: "[name]-[hash]",
    metafile: true,
    sourcemap,
    legalComments: "none",
    // They are large, bring files along or can be left out: a command loads them when it needs them.
    external: ["@electric-sql/pglite", "@aws-sdk/*"],
    // What is CommonJS requires Node's own modules.
    banner: {
      js: `import { createRequire as requireOf } from "node:module"\nconst require = requireOf(import.meta.url)`
    },
    plugins: [unbundledUrls(urlOf)]
  })
