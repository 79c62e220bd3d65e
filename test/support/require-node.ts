const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  throw new Error(
    `tests run on Node 24.12 or later, this is ${process.version}: use "make test" or "npm test" after "make setup"`,
  )
}
