/** This command as others name it that want its folder; what stands further on may be a secret. */
export const program = (): string => {
  const [, , command = ""] = process.argv
  return /^[a-z]+$/.test(command) ? `alex-db ${command}` : "alex-db"
}
