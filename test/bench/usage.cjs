// Loaded before a program: says at its end what it took, on the last line of stderr.
const { writeSync } = require("node:fs")

process.on("exit", () => {
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
  writeSync(2, `\n${JSON.stringify({ cpu: (systemCPUTime + userCPUTime) / 1000, memory: maxRSS / 1024 })}\n`)
})
