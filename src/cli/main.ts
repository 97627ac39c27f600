#!/usr/bin/env node
/**
 * The executable. It has no static imports and no new syntax, so that it can refuse a Node that is too old: static
 * imports are linked before the first line runs.
 */

// As `engines` in package.json says, which a test compares.
const needs: readonly [major: number, minor: number] = [22, 19]

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major < needs[0] || (major === needs[0] && minor < needs[1])) {
  process.stderr.write(
    `alex-db: needs Node ${needs.join(".")} or later, and this is Node ${process.versions.node}. Install a newer one from https://nodejs.org\n`
  )
  process.exitCode = 1
} else {
  import("./start.ts")
}
